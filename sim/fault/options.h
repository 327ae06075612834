// Options of one world, drawn from its seed, swarm style: of each kind of fault some worlds have none and some have it extreme, so
// that the rare meet each other too.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/actor/host.h"
#include "sim/scenario.h"
#include "sim/workload/operators.h"
#include "sim/world/machine.h"
#include "sim/world/network.h"
#include "sim/world/process.h"

namespace meridian::sim {

struct Deaths {
  Duration every{};                                  // on average; zero: never
  Duration downMax = std::chrono::seconds(5);
};

struct Options {
  uint32_t machines = 2;
  Resources capacity;                                // of each machine
  uint32_t gateways = 1;
  std::vector<ClassPlan> classes;
  std::vector<ContainerId> containers;
  actor::HostLimits host;
  Duration clockSpread{};                            // wall clocks are off by as much, either way

  Duration storm = std::chrono::seconds(30);
  Weather weather;
  Duration partitionEvery{};
  Duration partitionMax = std::chrono::seconds(10);
  Deaths server, agent, gateway;
  Duration rebootEvery{};                            // of machines
  DiskMood disk;
  MachineMood machine;

  Duration requestEvery = std::chrono::milliseconds(500);
  Duration useMax = std::chrono::seconds(1);         // of a request
  Duration operationEvery = std::chrono::seconds(2);
  Duration deployEvery{};
  bool restsFirst = false;                           // after the storm all sleep, before each is woken
};

Options draw(Random& random);

// The names of the faults.
std::vector<std::string_view> faultNames();

// Without the faults that a run leaves out, with a storm as short and a world as large as it asks for.
Options without(Options options, const RunOptions& run);

}  // namespace meridian::sim
