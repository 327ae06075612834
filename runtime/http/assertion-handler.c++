// Boost's assertions in this folder throw instead of aborting: bytes of a stranger end at most their own connection,
// never the process. (This folder is compiled with BOOST_ENABLE_ASSERT_HANDLER.)
#include <boost/assert.hpp>

#include "runtime/base/check.h"

namespace boost {

void assertion_failed(const char* expression, const char*, const char*, long) {
  meridian::failCheck(expression);
}

void assertion_failed_msg(const char* expression, const char*, const char*, const char*, long) {
  meridian::failCheck(expression);
}

}  // namespace boost
