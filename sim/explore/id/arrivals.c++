#include "sim/explore/id/arrivals.h"

#include <csignal>

#include "sim/explore/id/flights.h"
#include "sim/explore/id/walk.h"

namespace meridian::explore::id {

namespace {

using Kind = Flight::Kind;
using Phase = Flight::Phase;
using Fate = Flight::Fate;

constexpr uint8_t FULL = 100, UNKNOWN = 101;     // instead of the version granted

// An answer under way to who called, unless it has given up.
void answer(State& state, const Flight& call, uint8_t detail = 0, Fate fate = Fate::SOUND) {
  if (call.fate == Fate::FORGOTTEN) return;
  auto back = call;
  back.phase = Phase::ANSWER;
  back.fate = fate;
  back.detail = call.kind == Kind::LIST ? call.detail : detail;
  state.flights.push_back(std::move(back));
}

// ---------------------------------------------------------------------------------------
// Calls to the server

void acquire(State& state, Turns& turns, const Flight& flight) {
  auto outcome = turns.toClass(container_class::Acquire{Turns::CALL, container().id, flight.generation});
  if (!outcome) return answer(state, flight, 0, Fate::BROKEN);
  auto& permit = std::get<container_class::PermitOutcome>(*outcome);
  if (auto granted = std::get_if<container_class::Granted>(&permit)) {
    answer(state, flight, static_cast<uint8_t>(granted->spec[0] - '0'));
  } else {
    answer(state, flight, std::holds_alternative<container_class::Full>(permit) ? FULL : UNKNOWN);
  }
}

void reserve(State& state, Turns& turns, const Flight& flight) {
  auto call = std::get<supervisor::Reserve>(toSupervisorAttempt(flight).call);
  std::vector<std::string> avoid;
  for (auto& machine: call.avoid) avoid.push_back(machine.value());
  auto outcome = turns.toLocation(location::Reserve{Turns::CALL, keyOf(flight.generation), need(), avoid});
  if (!outcome) return answer(state, flight, 0, Fate::BROKEN);
  auto plan = std::get_if<placement::Plan>(&std::get<location::Decided>(*outcome).decision);
  answer(state, flight, plan ? machineIndex(MachineId(plan->chosen)) + 1 : 0);
}

void askHolds(State& state, Turns& turns, const Flight& flight) {
  auto holding = turns.toSupervisor(supervisor::AskHolds{Turns::CALL, flight.generation});
  if (holding) answer(state, flight, std::get<supervisor::Holding>(*holding) == supervisor::Holding::YES);
}

void tell(State& state, Turns& turns, const Flight& flight) {
  auto message = [&]() -> supervisor::Message {
    auto machine = machineName(flight.machine);
    if (flight.kind == Kind::TELL_STARTED) return supervisor::InstanceStarted{Turns::CALL, flight.generation, machine, NOW};
    if (flight.kind == Kind::TELL_READY) return supervisor::InstanceReady{Turns::CALL, flight.generation, machine, "h"};
    return supervisor::InstanceExited{Turns::CALL, flight.generation, machine, unpackExit(flight.end)};
  };
  if (turns.toSupervisor(message())) answer(state, flight);
}

supervisor::Message request(const Flight& flight) {
  switch (flight.kind) {
    case Kind::ASK_LEASE: return supervisor::Lease{flight.token, gateway()};
    case Kind::ASK_START: return supervisor::Start{flight.token, {}};
    case Kind::ASK_STOP: return supervisor::Stop{flight.token, SIGTERM};
    case Kind::ASK_DESTROY: return supervisor::Destroy{flight.token};
    default: return supervisor::Rollout{flight.token, VERSIONS};
  }
}

// ---------------------------------------------------------------------------------------
// Calls to a machine

void start(State& state, Turns& turns, const Flight& flight, Turns::Room room) {
  machine::Start message{Turns::CALL, keyOf(flight.generation), {need(), TICK, spec(flight.detail).words}, {}, here(),
                         state.machines[flight.machine].last};
  auto outcome = turns.toMachine(flight.machine, message, room);
  if (outcome) answer(state, flight, std::holds_alternative<machine::Accepted>(*outcome));
}

void kill(State& state, Turns& turns, const Flight& flight) {
  machine::Kill message{Turns::CALL, keyOf(flight.generation), state.machines[flight.machine].last};
  auto outcome = turns.toMachine(flight.machine, message);
  if (outcome) answer(state, flight, std::get<machine::Known>(*outcome) == machine::Known::YES);
}

// ---------------------------------------------------------------------------------------
// The driver and the shim

Instance* find(Machine& machine, Generation generation) {
  for (auto& instance: machine.instances) {
    if (instance.generation == generation && instance.isKept) return &instance;
  }
  return nullptr;
}

void launch(State& state, Turns& turns, const Flight& flight, Exec exec) {
  auto& machine = state.machines[flight.machine];
  answer(state, flight);
  if (find(machine, flight.generation)) return;
  Instance instance;
  instance.generation = flight.generation;
  if (exec == Exec::FAILS || flight.generation <= machine.shimLast) {
    instance.wasExecuted = false;
    instance.exit = Exit{StopReason::EXEC_FAILED, {}, {}, "", NOW};
    instance.tellsExited = true;
  } else {
    auto number = std::to_string(flight.generation.value());
    if (flight.generation != state.supervisor.generation) turns.complain("generation " + number + " is executed, which is not the present one");
    if (state.wasExecuted) turns.complain("generation " + number + " is executed a second time");
    state.wasExecuted = true;
    machine.shimLast = flight.generation;
    instance.tellsStarted = true;
  }
  machine.instances.push_back(instance);
}

void signal(State& state, Turns& turns, const Flight& flight, int32_t number) {
  auto instance = find(state.machines[flight.machine], flight.generation);
  if (!instance || !instance->isAlive() || instance->ending == Instance::Ending::BY_KILL) return;
  instance->ending = number == SIGKILL ? Instance::Ending::BY_KILL : Instance::Ending::BY_TERM;
  bool wasGivenTime = state.drainsSince && *state.drainsSince < state.now;
  // Who is to be killed is not drained; a milder signal may overtake the kill.
  auto stopping = std::get_if<supervisor::Stopping>(&state.supervisor.life);
  if (stopping && stopping->signal == SIGKILL) return;
  if (number != SIGKILL && state.gateway.holds == flight.generation && !wasGivenTime) {
    turns.complain("generation " + std::to_string(flight.generation.value()) + " is asked to end while a gateway uses it");
  }
}

void acknowledge(Machine& machine, Generation generation) {
  auto instance = find(machine, generation);
  if (!instance || !instance->exit) return;
  instance->isKept = false;
}

void list(State& state, const Flight& flight) {
  answer(state, flight);
  auto& reports = state.flights.back().reports;
  for (auto& instance: state.machines[flight.machine].instances) {
    if (!instance.isKept) continue;
    machine::Report report{keyOf(instance.generation), {}, {}, instance.exit};
    if (instance.wasExecuted) report.startedAt = NOW;
    if (instance.isReady) report.host = "h";
    reports.push_back(std::move(report));
  }
}

// Only facts keep what was acknowledged.
void forgetWhatIsTold(Machine& machine) {
  std::erase_if(machine.instances, [](const Instance& instance) {
    return !instance.isKept && !instance.tellsStarted && !instance.tellsReady && !instance.tellsExited;
  });
}

// ---------------------------------------------------------------------------------------

void arriveCall(State& state, Turns& turns, const Flight& flight, Turns::Room room, Exec exec) {
  switch (flight.kind) {
    case Kind::ACQUIRE: return acquire(state, turns, flight);
    case Kind::PLACE: failCheck("the global scheduler has answered at once");
    case Kind::RESERVE: return reserve(state, turns, flight);
    // What these answer tells the supervisor nothing.
    case Kind::RELEASE_PERMIT: turns.toClass(container_class::Release{Turns::CALL, container().id, flight.generation}); return;
    case Kind::RELEASE_RESERVATION: turns.toLocation(location::Release{Turns::CALL, keyOf(flight.generation)}); return;
    case Kind::SIGNAL: turns.toMachine(flight.machine, machine::Signal{Turns::CALL, keyOf(flight.generation), flight.detail}); return;
    case Kind::START: return start(state, turns, flight, room);
    case Kind::KILL: return kill(state, turns, flight);
    case Kind::REMOVE_LOGS: return answer(state, flight);
    case Kind::RECALL:
      if (state.gateway.holds == flight.generation) state.gateway.holds = Generation(0);
      state.gateway.returned = std::max(state.gateway.returned, flight.generation);
      return answer(state, flight);
    case Kind::CLASS_ASKS: case Kind::LOCATION_ASKS: return askHolds(state, turns, flight);
    case Kind::LAUNCH: return launch(state, turns, flight, exec);
    // These too: the exit is a fact of its own.
    case Kind::DRIVER_SIGNAL: return signal(state, turns, flight, flight.detail);
    case Kind::DRIVER_KILL: return signal(state, turns, flight, SIGKILL);
    case Kind::ACKNOWLEDGE:
      acknowledge(state.machines[flight.machine], flight.generation);
      return forgetWhatIsTold(state.machines[flight.machine]);
    case Kind::LIST: return list(state, flight);
    case Kind::TELL_STARTED: case Kind::TELL_READY: case Kind::TELL_EXITED: return tell(state, turns, flight);
    case Kind::ASK_LEASE: case Kind::ASK_START: case Kind::ASK_STOP: case Kind::ASK_DESTROY: case Kind::ASK_ROLLOUT:
      turns.toSupervisor(request(flight));
      return;
  }
}

supervisor::Message answerToSupervisor(const Flight& flight) {
  auto machine = machineName(flight.machine);
  switch (flight.kind) {
    case Kind::ACQUIRE:
      if (flight.detail == FULL) return supervisor::ClassFull{flight.generation, 1};
      if (flight.detail == UNKNOWN) return supervisor::ClassUnknown{flight.generation};
      return supervisor::Granted{flight.generation, spec(flight.detail)};
    case Kind::PLACE:
      return supervisor::Placed{flight.generation, {"global", NOW, flight.detail ? here().value() : "", {}, ""}};
    case Kind::RESERVE: {
      auto chosen = flight.detail ? machineName(flight.detail - 1).value() : "";
      return supervisor::Reserved{flight.generation, here(), {here().value(), NOW, chosen, {}, ""}};
    }
    case Kind::START:
      if (flight.detail) return supervisor::Accepted{flight.generation, machine};
      return supervisor::Refused{flight.generation, machine, ""};
    case Kind::KILL:
      return supervisor::KillAnswered{flight.generation, machine, flight.detail ? supervisor::Known::YES : supervisor::Known::NO};
    case Kind::RECALL: return supervisor::Recalled{flight.generation, gateway()};
    case Kind::REMOVE_LOGS: return supervisor::LogsRemoved{machine};
    default: failCheck("only these tell the supervisor something");
  }
}

void arriveAnswer(State& state, Turns& turns, const Flight& flight) {
  using container_class::HolderAnswered;
  bool yes = flight.detail;
  switch (flight.kind) {
    case Kind::CLASS_ASKS:
      turns.toClass(HolderAnswered{container().id, flight.generation, yes ? HolderAnswered::Holds::YES : HolderAnswered::Holds::NO});
      return;
    case Kind::LOCATION_ASKS:
      turns.toLocation(location::HolderAnswered{keyOf(flight.generation),
          yes ? location::HolderAnswered::Holds::YES : location::HolderAnswered::Holds::NO});
      return;
    case Kind::LIST:
      turns.toMachine(flight.machine, machine::Listed{std::get<machine::List>(toMachineAttempt(flight).call), flight.reports});
      return;
    case Kind::LAUNCH: case Kind::TELL_STARTED: case Kind::TELL_READY: case Kind::TELL_EXITED:
      turns.toMachine(flight.machine, machine::CallDone{toMachineAttempt(flight).call});
      return;
    default:
      turns.toSupervisor(answerToSupervisor(flight));
  }
}

}  // namespace

void arrive(State& state, Turns& turns, const Flight& flight, Turns::Room room, Exec exec) {
  if (flight.fate == Fate::BROKEN) return fail(state, turns, flight);
  switch (flight.phase) {
    case Phase::CALL: return arriveCall(state, turns, flight, room, exec);
    case Phase::ANSWER: return arriveAnswer(state, turns, flight);
    case Phase::RETRY:
      if (callerOf(flight) == Process::SERVER) {
        turns.toSupervisor(supervisor::RetryDue{toSupervisorAttempt(flight)});
      } else {
        turns.toMachine(flight.machine, machine::RetryDue{toMachineAttempt(flight)});
      }
  }
}

void fail(State& state, Turns& turns, const Flight& flight) {
  if (callerOf(flight) == Process::SERVER) {
    turns.toSupervisor(supervisor::CallFailed{toSupervisorAttempt(flight), "cut"});
  } else {
    turns.toMachine(flight.machine, machine::CallFailed{toMachineAttempt(flight), "cut"});
  }
}

bool takeFact(State& state, Turns& turns, uint8_t index, size_t which) {
  auto& machine = state.machines[index];
  auto& instance = machine.instances[which];
  auto key = keyOf(instance.generation);
  if (std::exchange(instance.tellsStarted, false)) {
    turns.toMachine(index, machine::DriverStarted{Turns::CALL, key, NOW});
  } else if (std::exchange(instance.tellsReady, false)) {
    turns.toMachine(index, machine::DriverReady{Turns::CALL, key, "h"});
  } else if (std::exchange(instance.tellsExited, false)) {
    turns.toMachine(index, machine::DriverExited{Turns::CALL, key, *instance.exit});
  } else {
    return false;
  }
  forgetWhatIsTold(machine);
  return true;
}

}  // namespace meridian::explore::id
