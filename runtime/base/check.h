// check(): a claim about our own code. It is on in every build. A failed claim throws CheckFailed, which the host turns
// into "this actor is set aside and reported"; it is never thrown for bad input or for faults of the world.
#pragma once

#include <stdexcept>
#include <string_view>

namespace meridian {

class CheckFailed final: public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void failCheck(std::string_view claim, const char* file = __builtin_FILE(), int line = __builtin_LINE());

// The place is the caller's: clang 14 has these builtins, but no std::source_location with this library.
inline void check(bool holds, std::string_view claim, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!holds) [[unlikely]] failCheck(claim, file, line);
}

}  // namespace meridian
