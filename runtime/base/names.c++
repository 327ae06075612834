#include "runtime/base/names.h"

#include "runtime/base/check.h"

namespace meridian {

ContainerId containerIdFromText(const std::string& text) {
  auto slash = text.find('/');
  check(slash != std::string::npos, "a container's address has the form class/id");
  return {ClassName(text.substr(0, slash)), text.substr(slash + 1)};
}

}  // namespace meridian
