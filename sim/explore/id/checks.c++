#include "sim/explore/id/checks.h"

namespace meridian::explore::id {

namespace {

std::string of(Generation generation) { return "generation " + std::to_string(generation.value()); }

bool isPermitHeld(const State& state) { return state.containerClass.permits.contains(container().id); }
bool isRoomHeld(const State& state) { return state.location.reservations.contains(container()); }

bool hasPermit(const State& state, Generation generation) {
  auto found = state.containerClass.permits.find(container().id);
  return found != state.containerClass.permits.end() && found->second.generation == generation;
}

bool hasReservation(const State& state, Generation generation, uint8_t machine) {
  auto found = state.location.reservations.find(container());
  return found != state.location.reservations.end() && found->second.generation == generation &&
         found->second.machine == machineName(machine);
}

// An instance lives under a permit and a reservation, and alone.
std::string flawOfInstances(const State& state) {
  const Instance* other = nullptr;
  for (uint8_t i = 0; i < MACHINES; ++i) {
    for (auto& instance: state.machines[i].instances) {
      if (!instance.isAlive()) continue;
      if (other) return "two instances live: " + of(other->generation) + " and " + of(instance.generation);
      other = &instance;
      if (!hasPermit(state, instance.generation)) return of(instance.generation) + " lives without a permit";
      if (!hasReservation(state, instance.generation, i)) {
        return of(instance.generation) + " lives on " + machineName(i).value() + " without a reservation there";
      }
    }
  }
  return "";
}

std::string flawOfBooks(const State& state) {
  if (state.containerClass.permits.size() > 1) return "the class has given two permits of one";
  for (auto& [name, machine]: state.location.machines) {
    if (!fits(machine.reserved, machine.capacity)) return name.value() + " is promised to more than it has room for";
  }
  if (state.global.locations.at(here()).free != state.location.sums.free) return "the global scheduler is not told what is free";
  for (uint8_t i = 0; i < MACHINES; ++i) {
    auto& machine = state.machines[i];
    if (!fits(machine.record.used, need())) return machineName(i).value() + " has accepted more than it has room for";
    if (machine.last > state.supervisor.generation) return machineName(i).value() + " knows " + of(machine.last) + ", which its supervisor does not";
  }
  return "";
}

}  // namespace

std::string flawOf(const State& state) {
  auto flaw = flawOfInstances(state);
  return flaw.empty() ? flawOfBooks(state) : flaw;
}

std::string flawAsTimePasses(const State& state) {
  if (!std::holds_alternative<supervisor::Stopped>(state.supervisor.life) || state.mayLeak) return "";
  if (isPermitHeld(state)) return "the permit of what has ended is not given back";
  if (isRoomHeld(state)) return "the reservation of what has ended is not given back";
  return "";
}

bool isCalm(const State& state) {
  auto stopped = std::get_if<supervisor::Stopped>(&state.supervisor.life);
  if (!stopped || stopped->restartAt) return false;
  if (isPermitHeld(state) || isRoomHeld(state)) return false;
  for (auto& machine: state.machines) {
    if (!machine.record.rows.empty() || !machine.instances.empty()) return false;
  }
  return true;
}

std::string flawAtRest(const State& state) {
  if (!state.waiting.empty()) return std::to_string(state.waiting.size()) + " callers are never answered";
  if (!std::holds_alternative<supervisor::Stopped>(state.supervisor.life)) return "the supervisor never stops";
  if (isPermitHeld(state)) return "a permit is left";
  if (isRoomHeld(state)) return "a reservation is left";
  for (uint8_t i = 0; i < MACHINES; ++i) {
    if (!state.machines[i].record.rows.empty()) return machineName(i).value() + " never forgets an instance";
    if (!state.machines[i].instances.empty()) return "the driver of " + machineName(i).value() + " keeps an instance";
  }
  return isCalm(state) ? "" : "it is stuck";
}

}  // namespace meridian::explore::id
