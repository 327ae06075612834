// need(): a system call that must succeed, or the step it belongs to has failed.
#pragma once

#include <cerrno>
#include <system_error>

namespace meridian::shim {

template <typename Result>
Result need(Result result, const char* step) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), step);
  return result;
}

}  // namespace meridian::shim
