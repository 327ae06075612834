// How the shipped actors' calls become what is under way, and back.
#pragma once

#include "sim/explore/id/state.h"

namespace meridian::explore::id {

Flight toFlight(const supervisor::Attempt& attempt);
supervisor::Attempt toSupervisorAttempt(const Flight& flight);

Flight toFlight(uint8_t machine, const machine::Attempt& attempt);
machine::Attempt toMachineAttempt(const Flight& flight);

// Where a call comes from and goes to. The server's actors share a store and a process: nothing is lost between them while it lives.
enum class Process : uint8_t { SERVER, MACHINE_1, MACHINE_2, OUTSIDE };
Process callerOf(const Flight& flight);
Process calleeOf(const Flight& flight);

// Within a process messages keep their order, and none is lost while it lives.
bool isLocal(const Flight& flight);

}  // namespace meridian::explore::id
