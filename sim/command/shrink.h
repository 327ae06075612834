// Shrink: from a seed that fails to the smallest world of that seed that still fails by the same checker: the fewest faults, then the
// shortest storm.
#pragma once

#include "sim/command/worlds.h"

namespace meridian::sim {

struct Shrunk {
  Terms terms;                         // the smallest
  Result result;
  Result original;
  std::vector<std::string_view> kept;  // faults without which it does not fail
  uint32_t runs = 0;
};

// None: the seed is fine. At most `jobs` worlds run at once; the result does not depend on how many.
std::optional<Shrunk> shrink(Worlds& worlds, const Terms& terms, uint64_t seed, uint32_t jobs);

}  // namespace meridian::sim
