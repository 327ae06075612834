// How a world draws its faults, swarm style: off in some worlds, mild in most, extreme in some, so that the rare meet each other too.
#pragma once

#include "sim/world/chance.h"

namespace meridian::sim {

// Of something that happens to one in so many.
inline double drawRate(Random& random, double mild, double extreme) {
  auto kind = random.below(5);
  if (kind < 2) return 0;
  return random.unit() * (kind < 4 ? mild : extreme);
}

// Of something that happens again and again; zero: never.
inline Duration drawEvery(Random& random, Duration seldom, Duration often) {
  auto kind = random.below(5);
  if (kind < 2) return Duration{};
  return kind < 4 ? seldom : span(random, often, seldom);
}

}  // namespace meridian::sim
