#include "sim/explore/id/turns.h"

#include "runtime/base/match.h"
#include "sim/explore/id/flights.h"

namespace meridian::explore::id {

namespace {

machine::Limits makeMachineLimits() {
  machine::Limits limits;
  limits.capacity = need();
  limits.retryFirst = limits.retryMax = TICK;
  limits.reconcileEvery = 2 * TICK;
  return limits;
}

machine::Limits makeFullLimits() {
  auto limits = makeMachineLimits();
  limits.capacity = {};
  return limits;
}

}  // namespace

const machine::Limits& machineLimits() {
  static const auto LIMITS = makeMachineLimits();
  return LIMITS;
}

std::optional<machine::Answer> Turns::toMachine(uint8_t index, const machine::Message& message, Room room) {
  static const auto FULL = makeFullLimits();
  machineAnswer_.reset();
  auto& machine = state_.machines[index];
  Random random(0);
  run(index, machine::step(machine.record, std::move(machine.transient), message, state_.now, random,
                           room == Room::NONE ? FULL : machineLimits()));
  return std::exchange(machineAnswer_, std::nullopt);
}

void Turns::load(uint8_t index) {
  run(index, machine::resume(state_.machines[index].record, state_.now, machineLimits()));
}

void Turns::run(uint8_t index, machine::Step&& step) {
  auto& machine = state_.machines[index];
  for (auto& change: step.changes) {
    machine::apply(machine.record, change);
    if (auto raise = std::get_if<machine::RaiseLast>(&change)) machine.last = raise->key.generation;
  }
  machine.transient = std::move(step.transient);
  for (auto& effect: step.effects) perform(index, effect);
}

void Turns::perform(uint8_t index, const machine::Effect& effect) {
  std::visit(Match{
    [&](const machine::Reply& e) {
      if (machineAnswer_) complain("a machine answers a call twice");
      machineAnswer_ = e.answer;
    },
    [&](const machine::Perform& e) { state_.flights.push_back(toFlight(index, e.attempt)); },
    [&](const machine::RetryAfter& e) {
      auto flight = toFlight(index, e.attempt);
      flight.phase = Flight::Phase::RETRY;
      flight.dueIn = e.delay > TICK ? SOME_DAY : 1;
      if (flight.dueIn == SOME_DAY) flight.round = 0;      // the next one has a round of its own
      state_.flights.push_back(std::move(flight));
    },
    [](const machine::ReportStray&) {},
  }, effect);
}

}  // namespace meridian::explore::id
