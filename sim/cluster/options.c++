#include "sim/cluster/options.h"

#include "sim/fault/draws.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

struct Fault {
  std::string_view name;
  void (*leaveOut)(ClusterOptions&);
};

constexpr Fault FAULTS[] = {
    {"late", [](ClusterOptions& options) { options.weather.lateRate = 0; }},
    {"loss", [](ClusterOptions& options) { options.weather.lossRate = 0; }},
    {"partition", [](ClusterOptions& options) { options.partitionEvery = {}; }},
    {"server-death", [](ClusterOptions& options) { options.server.every = {}; }},
    {"client-death", [](ClusterOptions& options) { options.client.every = {}; }},
    {"disk-stall", [](ClusterOptions& options) { options.disk.stallRate = 0; }},
    {"disk-full", [](ClusterOptions& options) { options.disk.fullRate = 0; }},
    {"clock-step", [](ClusterOptions& options) { options.clockStepEvery = {}; }},
    {"split-brain", [](ClusterOptions& options) { options.ghostEvery = {}; }},
    {"throw", [](ClusterOptions& options) { options.throwRate = 0; }},
};

}  // namespace

ClusterOptions drawCluster(Random& random) {
  ClusterOptions options;
  auto servers = number(random, 1, 3);
  for (uint64_t i = 0; i < servers; ++i) options.shards.push_back(static_cast<uint32_t>(number(random, 1, 2)));
  options.clients = static_cast<uint32_t>(number(random, 1, 3));
  options.host.idleAfter = chance(random, 0.5) ? span(random, 2ms, 50ms) : span(random, 50ms, 5s);
  options.host.mailboxMax = chance(random, 0.3) ? number(random, 3, 10) : 64;
  if (chance(random, 0.5)) options.commit.batchSetsMax = number(random, 1, 4);
  if (chance(random, 0.5)) options.clockSpread = span(random, 1ms, 20s);

  options.storm = span(random, 3s, 12s);
  options.weather.latencyMax = chance(random, 0.7) ? 2ms : span(random, 2ms, 200ms);
  options.weather.lateRate = drawRate(random, 0.005, 0.1);
  options.weather.lateMax = span(random, 50ms, 4s);
  options.weather.lossRate = drawRate(random, 0.005, 0.1);
  options.weather.noticeMax = span(random, 1ms, 3s);
  options.weather.patience = span(random, 500ms, 6s);
  options.partitionEvery = drawEvery(random, 5s, 1s);
  options.partitionMax = span(random, 300ms, 6s);
  options.server = {drawEvery(random, 4s, 300ms), span(random, 10ms, 2s)};
  options.client = {drawEvery(random, 5s, 1s), span(random, 10ms, 2s)};
  options.disk.commitMax = chance(random, 0.6) ? 2ms : span(random, 2ms, 200ms);
  options.disk.stallRate = drawRate(random, 0.01, 0.1);
  options.disk.stallMax = span(random, 50ms, 3s);
  options.disk.fullRate = drawRate(random, 0.02, 0.2);
  options.clockStepEvery = drawEvery(random, 4s, 500ms);
  options.ghostEvery = chance(random, 0.3) ? span(random, 500ms, 5s) : Duration{};
  options.ghostMax = span(random, 10ms, 5s);
  options.throwRate = drawRate(random, 0.1, 0.5);
  options.actEvery = span(random, 5ms, 100ms);
  return options;
}

std::vector<std::string_view> clusterFaultNames() {
  std::vector<std::string_view> names;
  for (auto& fault: FAULTS) names.push_back(fault.name);
  return names;
}

ClusterOptions without(ClusterOptions options, const RunOptions& run) {
  for (auto& fault: FAULTS) {
    if (run.without.contains(std::string(fault.name))) fault.leaveOut(options);
  }
  if (run.storm) options.storm = std::min(options.storm, *run.storm);
  return options;
}

}  // namespace meridian::sim
