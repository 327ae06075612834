// What must hold in every state, and in a state at rest, whatever the shipped code thinks. Empty: it holds.
#pragma once

#include <string>

#include "sim/explore/id/state.h"

namespace meridian::explore::id {

std::string flawOf(const State& state);

// When time goes on because nothing else is left to do: only what a crash has swallowed is left to reconciliation.
std::string flawAsTimePasses(const State& state);

// Nothing runs, nothing is kept for the ID, and every caller was answered.
std::string flawAtRest(const State& state);

// Whether nothing runs and nothing is kept for the ID; callers may still wait.
bool isCalm(const State& state);

}  // namespace meridian::explore::id
