#include "sim/fault/options.h"

#include "sim/fault/draws.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

// One unit of everything; instances need one or two, machines have a few.
Resources units(uint64_t count) { return {MicroCpu(count * 100'000), MemoryMib(count * 128), DiskMb(count * 1'000)}; }

ClassPlan drawClass(Random& random, const char* name) {
  ClassPlan plan;
  plan.name = name;
  plan.maxInstances = static_cast<uint32_t>(number(random, 1, 3));
  plan.need = units(number(random, 1, 2));
  plan.sleepAfter = span(random, 500ms, 5s);
  plan.stopGrace = span(random, 100ms, 3s);
  plan.startTimeout = span(random, 2s, 10s);
  plan.restart = static_cast<uint16_t>(random.below(3));
  return plan;
}

struct Fault {
  std::string_view name;
  void (*leaveOut)(Options&);
};

constexpr Fault FAULTS[] = {
    {"late", [](Options& options) { options.weather.lateRate = 0; }},
    {"loss", [](Options& options) { options.weather.lossRate = 0; }},
    {"partition", [](Options& options) { options.partitionEvery = {}; }},
    {"server-death", [](Options& options) { options.server.every = {}; }},
    {"agent-death", [](Options& options) { options.agent.every = {}; }},
    {"gateway-death", [](Options& options) { options.gateway.every = {}; }},
    {"reboot", [](Options& options) { options.rebootEvery = {}; }},
    {"disk-stall", [](Options& options) { options.disk.stallRate = 0; }},
    {"disk-full", [](Options& options) { options.disk.fullRate = 0; }},
    {"clock-offset", [](Options& options) { options.clockSpread = {}; }},
    {"slow-machine", [](Options& options) { options.machine.slowRate = 0; }},
    {"exec-fails", [](Options& options) { options.machine.execFailRate = 0; }},
    {"never-ready", [](Options& options) { options.machine.neverReadyRate = 0; }},
    {"own-exit", [](Options& options) { options.machine.ownExitRate = 0; }},
    {"ignores-term", [](Options& options) { options.machine.ignoresTermRate = 0; }},
};

}  // namespace

Options draw(Random& random) {
  Options options;
  options.machines = static_cast<uint32_t>(number(random, 1, 3));
  options.capacity = units(number(random, 2, 4));
  options.gateways = static_cast<uint32_t>(number(random, 1, 2));
  options.classes = {drawClass(random, "S"), drawClass(random, "T")};
  for (auto& plan: options.classes) {
    auto ids = number(random, 1, 3);
    for (uint64_t i = 0; i < ids; ++i) {
      options.containers.push_back({ClassName(plan.name), std::string(1, static_cast<char>('a' + i))});
    }
  }
  options.host.idleAfter = span(random, 200ms, 10s);
  if (chance(random, 0.5)) options.clockSpread = span(random, 1ms, 20s);

  options.storm = span(random, 10s, 40s);
  options.weather.latencyMax = chance(random, 0.8) ? 2ms : span(random, 2ms, 300ms);
  options.weather.lateRate = drawRate(random, 0.005, 0.1);
  options.weather.lossRate = drawRate(random, 0.005, 0.1);
  options.weather.lateMax = span(random, 100ms, 15s);
  options.weather.noticeMax = span(random, 1ms, 5s);
  options.weather.patience = span(random, 1s, 15s);
  options.partitionEvery = drawEvery(random, 15s, 3s);
  options.partitionMax = span(random, 1s, 20s);
  options.server = {drawEvery(random, 15s, 1s), span(random, 10ms, 10s)};
  options.agent = {drawEvery(random, 15s, 1s), span(random, 10ms, 10s)};
  options.gateway = {drawEvery(random, 20s, 3s), span(random, 10ms, 10s)};
  options.rebootEvery = chance(random, 0.2) ? 20s : Duration{};
  options.disk.commitMax = chance(random, 0.8) ? 2ms : span(random, 2ms, 200ms);
  options.disk.stallRate = drawRate(random, 0.005, 0.1);
  options.disk.fullRate = drawRate(random, 0.005, 0.1);
  options.machine.slowRate = drawRate(random, 0.1, 0.5);
  options.machine.slowMax = span(random, 200ms, 12s);
  options.machine.execFailRate = drawRate(random, 0.05, 0.5);
  options.machine.neverReadyRate = drawRate(random, 0.05, 0.4);
  options.machine.ownExitRate = drawRate(random, 0.2, 0.9);
  options.machine.ownExitMax = span(random, 10ms, 20s);
  options.machine.ignoresTermRate = drawRate(random, 0.2, 1);

  options.requestEvery = span(random, 100ms, 2s);
  options.useMax = chance(random, 0.8) ? span(random, 10ms, 2s) : span(random, 2s, 12s);
  options.operationEvery = span(random, 300ms, 8s);
  options.deployEvery = drawEvery(random, 12s, 3s);
  options.restsFirst = chance(random, 0.5);
  return options;
}

std::vector<std::string_view> faultNames() {
  std::vector<std::string_view> names;
  for (auto& fault: FAULTS) names.push_back(fault.name);
  return names;
}

Options without(Options options, const RunOptions& run) {
  for (auto& fault: FAULTS) {
    if (run.without.contains(std::string(fault.name))) fault.leaveOut(options);
  }
  if (auto machines = run.sizes.find("machines"); machines != run.sizes.end()) options.machines = machines->second;
  if (run.storm) options.storm = std::min(options.storm, *run.storm);
  return options;
}

}  // namespace meridian::sim
