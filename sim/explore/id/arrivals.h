// What happens when something that was under way arrives: a turn of whom it is for, and the answer under way back; or a driver or gateway
// does what it is asked. Drivers, shims and gateways are the explorer's own, with the rules of their interfaces.
#pragma once

#include "sim/explore/id/turns.h"

namespace meridian::explore::id {

enum class Exec : uint8_t { SUCCEEDS, FAILS };

// `flight` is not among the state's any more.
void arrive(State& state, Turns& turns, const Flight& flight, Turns::Room room = Turns::Room::USUAL, Exec exec = Exec::SUCCEEDS);

// Its sender hears of a failure.
void fail(State& state, Turns& turns, const Flight& flight);

// The first fact of an instance that its machine has not taken. False: there is none.
bool takeFact(State& state, Turns& turns, uint8_t machine, size_t instance);

}  // namespace meridian::explore::id
