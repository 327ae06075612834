// Options of one cluster, drawn from its seed: how many servers, shards and clients, how tight their limits, and what the storm has.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/actor/host.h"
#include "runtime/store/commit-queue.h"
#include "sim/fault/options.h"
#include "sim/scenario.h"
#include "sim/world/network.h"
#include "sim/world/process.h"

namespace meridian::sim {

struct ClusterOptions {
  std::vector<uint32_t> shards;                      // of each server
  uint32_t clients = 1;
  actor::HostLimits host;
  store::CommitQueue::Limits commit;
  Duration clockSpread{};                            // wall clocks are off by as much, either way

  Duration storm = std::chrono::seconds(10);
  Weather weather;
  Duration partitionEvery{};
  Duration partitionMax = std::chrono::seconds(10);
  Deaths server, client;
  DiskMood disk;
  Duration clockStepEvery{};                         // by at most clockSpread
  Duration ghostEvery{};                             // a second owner of a store starts while the first one runs
  Duration ghostMax = std::chrono::seconds(5);
  double throwRate = 0;                              // of calls that ask their actor to fail
  Duration actEvery = std::chrono::milliseconds(100);   // of each client
};

ClusterOptions drawCluster(Random& random);

// The names of the faults.
std::vector<std::string_view> clusterFaultNames();

// Without the faults that a run leaves out, and with a storm as short as it asks for.
ClusterOptions without(ClusterOptions options, const RunOptions& run);

}  // namespace meridian::sim
