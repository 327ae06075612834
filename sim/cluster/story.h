// The life of every cluster: a storm, in which the clients ask; calm weather, in which all that was asked ends and an examiner asks what
// only calm weather can answer; rest, in which all actors leave memory; a restart of all servers, and the workload's conclusions.
#pragma once

#include <functional>

#include "sim/cluster/cluster.h"
#include "sim/scenario.h"

namespace meridian::sim {

// What a workload is made of.
struct WorkloadParts {
  Cluster& cluster;
  const ClusterOptions& options;
  Random random;
};

// Adjusts what was drawn to what the workload can bear.
using Adjust = void (*)(ClusterOptions& options);

Outcome runCluster(uint64_t seed, actor::ActorSystem& system, const RunOptions& run, Adjust adjust,
                   const std::function<kj::Own<Workload>(WorkloadParts)>& newWorkload);

}  // namespace meridian::sim
