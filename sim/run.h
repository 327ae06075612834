// One seed: a world is drawn from it, goes through a storm, heals, and must then do everything that is asked of it.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "runtime/actor/actor-system.h"
#include "sim/world/verdict.h"
#include "sim/world/transcript.h"

namespace meridian::sim {

struct Outcome {
  std::optional<Finding> finding;
  uint64_t hash = 0;               // of the transcript
  std::deque<std::string> tail;    // of the transcript
  uint64_t requests = 0;
  uint64_t served = 0;
  uint64_t executions = 0;         // of instances
};

// `onlyChecker`: what the others find does not count; empty: all do.
Outcome runSeed(uint64_t seed, actor::ActorSystem& system, Transcript::Print print, const std::string& onlyChecker = "");

}  // namespace meridian::sim
