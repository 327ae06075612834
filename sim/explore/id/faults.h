// What faults do to a state.
#pragma once

#include "sim/explore/id/flights.h"

namespace meridian::explore::id {

// The process dies and another takes its place: records stay; transient parts, and what it was about to hear, are gone. What it has
// just sent may have left or not.
void crash(State& state, Process process);

// The power fails: what ran is gone, and the shim forgets. Its agent crashes too.
void losePower(State& state, uint8_t machine);

// The sender of a call hears of a failure; the call may still arrive, at any later time.
void cut(State& state, size_t flight);
bool canBeCut(const Flight& flight);

}  // namespace meridian::explore::id
