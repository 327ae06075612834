// The scenario `containers`: the platform's own actors in their own roles, with requests, sleeps, stops, exits and refusals.
#pragma once

#include "sim/scenario.h"

namespace meridian::sim {

Scenario containersScenario();

}  // namespace meridian::sim
