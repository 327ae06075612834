#include "sim/scenario.h"

#include "sim/containers.h"
#include "sim/workload/alarms.h"
#include "sim/workload/bank.h"
#include "sim/workload/chat.h"
#include "sim/workload/counters.h"
#include "sim/workload/queues.h"
#include "sim/workload/registers.h"

namespace meridian::sim {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      countersScenario(),
      bankScenario(),
      registersScenario(),
      queuesScenario(),
      alarmsScenario(),
      chatScenario(),
      containersScenario(),
  };
  return all;
}

const Scenario* findScenario(std::string_view name) {
  for (auto& scenario: scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace meridian::sim
