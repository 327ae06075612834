#include "runtime/base/check.h"

#include <string>

namespace meridian {

void failCheck(std::string_view claim, std::source_location where) {
  throw CheckFailed(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                    ": check failed: " + std::string(claim));
}

}  // namespace meridian
