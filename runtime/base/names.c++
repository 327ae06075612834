#include "runtime/base/names.h"

#include "runtime/base/check.h"

namespace meridian {

bool isName(std::string_view text) {
  constexpr std::string_view LETTERS =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
  return !text.empty() && text.size() <= NAME_MAX_BYTES && text != "." && text != ".." &&
         text.find_first_not_of(LETTERS) == std::string_view::npos;
}

ContainerId containerIdFromText(const std::string& text) {
  auto slash = text.find('/');
  check(slash != std::string::npos, "a container's address has the form class/id");
  return {ClassName(text.substr(0, slash)), text.substr(slash + 1)};
}

}  // namespace meridian
