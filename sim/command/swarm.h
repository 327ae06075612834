// Swarm: many seeds of one scenario. What it finds is the same, in the same order, whatever the number of worlds that run at once:
// results are taken in the order of the seeds, and a swarm that ends early ends after a certain seed.
#pragma once

#include <kj/function.h>

#include "sim/command/arguments.h"
#include "sim/command/worlds.h"

namespace meridian::sim {

struct SwarmOptions {
  Terms terms;
  SeedRange seeds;
  uint32_t jobs = 1;
  uint32_t failuresMax = 20;                 // the swarm ends with the seed that is the last of so many
};

struct SwarmFailure {
  uint64_t seed;
  Result result;
};

struct SwarmReport {
  uint64_t seeds = 0;                        // that were run and taken
  std::vector<SwarmFailure> failures;
  double simulated = 0;                      // seconds, of all worlds
  uint64_t events = 0;
  uint64_t hash = 0;                         // over those of all transcripts, in the order of the seeds
  std::map<std::string, uint64_t> counts;
  Duration wall{};
};

enum class Go { ON, HOME };

// `progress` is called about twice a second; with HOME the swarm ends there.
SwarmReport runSwarm(Worlds& worlds, const SwarmOptions& options, kj::FunctionParam<Go(const SwarmReport&)> progress);

}  // namespace meridian::sim
