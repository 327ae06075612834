#include "sim/scenario.h"

#include "sim/containers.h"

namespace meridian::sim {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
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
