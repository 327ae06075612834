#include "sim/explore/id/flights.h"

#include "runtime/base/match.h"
#include "sim/explore/id/walk.h"

namespace meridian::explore::id {

namespace {

using Kind = Flight::Kind;

Process processOf(uint8_t machine) { return machine == 0 ? Process::MACHINE_1 : Process::MACHINE_2; }

}  // namespace

Flight toFlight(const supervisor::Attempt& attempt) {
  Flight flight;
  flight.attempt = static_cast<uint8_t>(attempt.attempt);
  auto set = [&](Kind kind, Generation generation) {
    flight.kind = kind;
    flight.generation = generation;
  };
  std::visit(Match{
    [&](const supervisor::Acquire& call) { set(Kind::ACQUIRE, call.generation); },
    [&](const supervisor::Place& call) {
      set(Kind::PLACE, call.generation);
      flight.avoid = !call.avoid.empty();
    },
    [&](const supervisor::Reserve& call) {
      set(Kind::RESERVE, call.generation);
      flight.avoid = bitsOf(call.avoid);
    },
    [&](const supervisor::StartInstance& call) {
      set(Kind::START, call.generation);
      flight.machine = machineIndex(call.machine);
      flight.detail = static_cast<uint8_t>(call.specWords[0] - '0');
    },
    [&](const supervisor::SignalInstance& call) {
      set(Kind::SIGNAL, call.generation);
      flight.machine = machineIndex(call.machine);
      flight.detail = static_cast<uint8_t>(call.signal);
    },
    [&](const supervisor::KillInstance& call) {
      set(Kind::KILL, call.generation);
      flight.machine = machineIndex(call.machine);
    },
    [&](const supervisor::Recall& call) { set(Kind::RECALL, call.generation); },
    [&](const supervisor::ReleasePermit& call) { set(Kind::RELEASE_PERMIT, call.generation); },
    [&](const supervisor::ReleaseReservation& call) { set(Kind::RELEASE_RESERVATION, call.generation); },
    [&](const supervisor::RemoveLogs& call) {
      set(Kind::REMOVE_LOGS, Generation(0));
      flight.machine = machineIndex(call.machine);
    },
  }, attempt.call);
  return flight;
}

supervisor::Attempt toSupervisorAttempt(const Flight& flight) {
  auto generation = flight.generation;
  auto machine = machineName(flight.machine);
  auto call = [&]() -> supervisor::Call {
    switch (flight.kind) {
      case Kind::ACQUIRE: return supervisor::Acquire{generation};
      case Kind::PLACE: return supervisor::Place{generation, need(), flight.avoid ? std::vector{here()} : std::vector<LocationId>{}};
      case Kind::RESERVE: return supervisor::Reserve{generation, here(), need(), machinesOf(flight.avoid)};
      case Kind::START: return supervisor::StartInstance{generation, machine, here(), spec(flight.detail).words, {}};
      case Kind::SIGNAL: return supervisor::SignalInstance{generation, machine, flight.detail};
      case Kind::KILL: return supervisor::KillInstance{generation, machine};
      case Kind::RECALL: return supervisor::Recall{generation, gateway()};
      case Kind::RELEASE_PERMIT: return supervisor::ReleasePermit{generation};
      case Kind::RELEASE_RESERVATION: return supervisor::ReleaseReservation{generation, here()};
      case Kind::REMOVE_LOGS: return supervisor::RemoveLogs{machine};
      default: failCheck("only a supervisor's calls are its attempts");
    }
  };
  return {call(), flight.attempt};
}

Flight toFlight(uint8_t machine, const machine::Attempt& attempt) {
  Flight flight;
  flight.machine = machine;
  flight.attempt = static_cast<uint8_t>(attempt.attempt);
  auto set = [&](Kind kind, const InstanceKey& key) {
    flight.kind = kind;
    flight.generation = key.generation;
  };
  std::visit(Match{
    [&](const machine::Launch& call) { set(Kind::LAUNCH, call.key); },
    [&](const machine::SignalInstance& call) {
      set(Kind::DRIVER_SIGNAL, call.key);
      flight.detail = static_cast<uint8_t>(call.number);
    },
    [&](const machine::KillInstance& call) { set(Kind::DRIVER_KILL, call.key); },
    [&](const machine::AcknowledgeExit& call) { set(Kind::ACKNOWLEDGE, call.key); },
    [&](const machine::List& call) {
      flight.kind = Kind::LIST;
      flight.round = call.round;
      flight.detail = call.repeat == machine::Repeat::FOR_EVER;
    },
    [&](const machine::TellStarted& call) { set(Kind::TELL_STARTED, call.key); },
    [&](const machine::TellReady& call) { set(Kind::TELL_READY, call.key); },
    [&](const machine::TellHealth&) { failCheck("nobody checks the health of this world's instances"); },
    [&](const machine::TellExited& call) {
      set(Kind::TELL_EXITED, call.key);
      flight.end = pack(call.exit);
    },
  }, attempt.call);
  return flight;
}

machine::Attempt toMachineAttempt(const Flight& flight) {
  auto key = keyOf(flight.generation);
  auto call = [&]() -> machine::Call {
    switch (flight.kind) {
      case Kind::LAUNCH: return machine::Launch{key, TICK};
      case Kind::DRIVER_SIGNAL: return machine::SignalInstance{key, flight.detail};
      case Kind::DRIVER_KILL: return machine::KillInstance{key};
      case Kind::ACKNOWLEDGE: return machine::AcknowledgeExit{key};
      case Kind::LIST: return machine::List{flight.round, flight.detail ? machine::Repeat::FOR_EVER : machine::Repeat::ONCE};
      case Kind::TELL_STARTED: return machine::TellStarted{key, NOW};
      case Kind::TELL_READY: return machine::TellReady{key, "h"};
      case Kind::TELL_EXITED: return machine::TellExited{key, unpackExit(flight.end)};
      default: failCheck("only a machine's calls are its attempts");
    }
  };
  return {call(), flight.attempt};
}

Process callerOf(const Flight& flight) {
  if (flight.kind >= Kind::ASK_LEASE) return Process::OUTSIDE;
  return flight.kind >= Kind::LAUNCH ? processOf(flight.machine) : Process::SERVER;
}

Process calleeOf(const Flight& flight) {
  switch (flight.kind) {
    case Kind::START: case Kind::SIGNAL: case Kind::KILL: case Kind::REMOVE_LOGS:
    case Kind::LAUNCH: case Kind::DRIVER_SIGNAL: case Kind::DRIVER_KILL: case Kind::ACKNOWLEDGE: case Kind::LIST:
      return processOf(flight.machine);
    case Kind::RECALL:
      return Process::OUTSIDE;
    case Kind::ACQUIRE: case Kind::PLACE: case Kind::RESERVE: case Kind::RELEASE_PERMIT: case Kind::RELEASE_RESERVATION:
    case Kind::CLASS_ASKS: case Kind::LOCATION_ASKS:
    case Kind::TELL_STARTED: case Kind::TELL_READY: case Kind::TELL_EXITED:
    case Kind::ASK_LEASE: case Kind::ASK_START: case Kind::ASK_STOP: case Kind::ASK_DESTROY: case Kind::ASK_ROLLOUT:
      return Process::SERVER;
  }
  failCheck("every kind of call has somebody it goes to");
}

bool isLocal(const Flight& flight) { return flight.phase != Flight::Phase::RETRY && callerOf(flight) == calleeOf(flight); }

}  // namespace meridian::explore::id
