// A 128-bit hash of a state's bytes. Two states with one hash would be taken for one: among 10^8 states the chance of any such pair is
// below 10^-22, so a search need not keep the states that it has seen.
#pragma once

#include <cstdint>
#include <string_view>

namespace meridian::explore {

struct Hash {
  uint64_t high = 0;
  uint64_t low = 0;

  friend bool operator==(const Hash&, const Hash&) = default;
};

Hash hashOf(std::string_view bytes);

}  // namespace meridian::explore
