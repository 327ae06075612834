// Chances and spans drawn from a seed.
#pragma once

#include "runtime/base/check.h"
#include "runtime/base/random.h"
#include "runtime/base/units.h"

namespace meridian::sim {

inline bool chance(Random& random, double probability) { return random.unit() < probability; }

// Uniform in [from, to].
inline uint64_t number(Random& random, uint64_t from, uint64_t to) {
  check(from <= to, "a range is not empty");
  return from + random.below(to - from + 1);
}
inline Duration span(Random& random, Duration from, Duration to) {
  check(from <= to, "a range is not empty");
  return from + Duration(static_cast<int64_t>(number(random, 0, static_cast<uint64_t>((to - from).count()))));
}

}  // namespace meridian::sim
