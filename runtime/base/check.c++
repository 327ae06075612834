#include "runtime/base/check.h"

#include <string>

namespace meridian {

void failCheck(std::string_view claim, const char* file, int line) {
  throw CheckFailed(std::string(file) + ":" + std::to_string(line) +
                    ": check failed: " + std::string(claim));
}

}  // namespace meridian
