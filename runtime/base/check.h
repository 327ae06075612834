// check(): a claim about our own code. It is on in every build. A failed claim throws CheckFailed, which the host turns
// into "this actor is set aside and reported"; it is never thrown for bad input or for faults of the world.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string_view>

namespace meridian {

class CheckFailed final: public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void failCheck(std::string_view claim, std::source_location where);

inline void check(bool holds, std::string_view claim,
                  std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]] failCheck(claim, where);
}

}  // namespace meridian
