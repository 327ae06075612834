#include "sim/explore/id/faults.h"

namespace meridian::explore::id {

namespace {

using Phase = Flight::Phase;
using Fate = Flight::Fate;
enum class Left { STAYS, IS_LOST };

// What the death of its sender leaves of it: calls that have left, which nobody waits for any more.
Left loseSender(Flight& flight, Process dead) {
  if (flight.phase != Phase::CALL || flight.fate == Fate::BROKEN || calleeOf(flight) == dead) return Left::IS_LOST;
  flight.fate = Fate::FORGOTTEN;
  return Left::STAYS;
}

// And of its receiver: the sender hears that the connection broke, if it waits.
Left loseReceiver(Flight& flight) {
  if (flight.phase == Phase::RETRY || flight.fate == Fate::BROKEN) return Left::STAYS;
  if (flight.fate == Fate::FORGOTTEN || callerOf(flight) == Process::OUTSIDE) return Left::IS_LOST;
  flight.fate = flight.phase == Phase::CALL ? Fate::BROKEN : Fate::DOUBTFUL;
  return Left::STAYS;
}

void loseServer(State& state) {
  state.supervisorTransient = {};
  state.supervisorIsLoaded = false;
  state.classTransient = {};
  state.locationTransient = {};
  state.waiting.clear();               // all of them hear of the failure
  state.mayLeak = true;
}

// Its driver is gone with it. The next one takes stock of what the shim has, and tells that.
void loseAgent(Machine& machine) {
  machine.transient = {};
  std::erase_if(machine.instances, [](const Instance& instance) { return !instance.wasExecuted || !instance.isKept; });
  for (auto& instance: machine.instances) {
    instance.tellsStarted = instance.isAlive();
    instance.tellsReady = instance.isAlive() && instance.isReady;
    instance.tellsExited = !instance.isAlive();
  }
}

}  // namespace

void crash(State& state, Process dead) {
  std::erase_if(state.flights, [&](Flight& flight) {
    auto left = Left::STAYS;
    if (callerOf(flight) == dead) {
      left = loseSender(flight, dead);
    } else if (calleeOf(flight) == dead) {
      left = loseReceiver(flight);
    }
    return left == Left::IS_LOST;
  });
  if (dead == Process::SERVER) {
    loseServer(state);
  } else {
    loseAgent(state.machines[dead == Process::MACHINE_1 ? 0 : 1]);
  }
}

void losePower(State& state, uint8_t index) {
  auto& machine = state.machines[index];
  // After a power failure nobody can know whether a start that was accepted had come to run: until the machine knows of an end, it may
  // launch it once more.
  auto row = machine.record.rows.find({container(), state.supervisor.generation});
  if (row != machine.record.rows.end() && !row->second.exit) state.wasExecuted = false;
  machine.instances.clear();
  machine.shimLast = Generation(0);
}

void cut(State& state, size_t index) {
  auto late = state.flights[index];
  state.flights[index].fate = Fate::BROKEN;
  late.fate = Fate::FORGOTTEN;
  state.flights.push_back(std::move(late));
}

bool canBeCut(const Flight& flight) {
  return flight.phase == Phase::CALL && flight.fate == Fate::SOUND && callerOf(flight) != Process::OUTSIDE &&
         callerOf(flight) != calleeOf(flight);
}

}  // namespace meridian::explore::id
