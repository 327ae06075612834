// The calls that make up a phase of a deploy: all that must be answered before the next. A function of the state alone, so that a
// crash forgets nothing.
#pragma once

#include <vector>

#include "actors/application/application.h"

namespace meridian::application {

// Each call once, in a fixed order. A phase may have none.
std::vector<Call> callsOf(const State& state);

}  // namespace meridian::application
