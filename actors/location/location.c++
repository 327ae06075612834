#include "actors/location/location.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/base/match.h"
#include "runtime/base/sweep.h"

namespace meridian::location {

namespace {

Step unchanged(const Transient& transient) { return {{}, transient, {}}; }

Step reply(const Transient& transient, CallToken token, Answer answer) {
  return {{}, transient, {Reply{token, std::move(answer)}}};
}

Step reject(const Transient& transient, CallToken token, std::string reason) {
  return {{}, transient, {Reject{token, std::move(reason)}}};
}

// ---- What the GlobalScheduler is told.

enum class Urgency { AT_ONCE, AS_IT_FILLS };

void sendReport(Step& step, Instant now, const Limits& limits) {
  step.transient.reporting = true;
  step.transient.reportedAt = now;
  step.changes.push_back(ReportSet{now + limits.reportRetry});
  step.effects.push_back(ReportToGlobal{});
}

// The step changes the sums. One report is under way at most: its answer shows what changed meanwhile.
void reportSums(Step& step, const State& state, Urgency urgency, Instant now, const Limits& limits) {
  if (step.transient.reporting) return;
  auto at = now;
  if (urgency == Urgency::AS_IT_FILLS && step.transient.reportedAt) {
    at = std::max(now, *step.transient.reportedAt + limits.reportEvery);
  }
  if (at <= now) return sendReport(step, now, limits);
  if (!state.reportAt || at < *state.reportAt) step.changes.push_back(ReportSet{at});
}

// ---- Messages, in the order of the header.

// Told anew at each start of the agent. It is reported also when nothing changed: an agent's restart heals what was lost.
Step onRegisterMachine(const State& state, const Transient& transient, const RegisterMachine& registration, Instant now,
                       const Limits& limits) {
  auto& [token, machine, capacity] = registration;
  auto known = state.machines.find(machine);
  if (!fits(capacity, limits.machineMax)) {
    return reject(transient, token, "capacity of machine " + machine.value() + " is above what one machine may declare");
  }
  if (known == state.machines.end() && state.machines.size() >= limits.machinesMax) {
    return reject(transient, token, "machine " + machine.value() + " is one too many; allowed in a location: " +
                                        std::to_string(limits.machinesMax));
  }
  Step result{{}, transient, {Reply{token, Acknowledged{}}}};
  if (known == state.machines.end() || known->second.capacity != capacity) {
    result.changes.push_back(MachineSet{machine, capacity});
  }
  reportSums(result, state, Urgency::AT_ONCE, now, limits);
  return result;
}

// `lifted` is a reservation that the request replaces: what it holds counts as free.
placement::Decision choose(const State& state, const Reserve& reserve, const Reservation* lifted, const Limits& limits) {
  std::vector<placement::Candidate> candidates;
  candidates.reserve(state.machines.size());
  for (auto& [id, machine]: state.machines) {
    auto reserved = lifted != nullptr && lifted->machine == id ? machine.reserved - lifted->need : machine.reserved;
    candidates.push_back({id.value(), machine.capacity, machine.capacity - reserved});
  }
  return placement::decide(candidates, {"machine", reserve.need, reserve.avoid}, placement::Policy::PACK, limits.placement);
}

Step keep(const State& state, const Transient& transient, const Reserve& reserve, const placement::Plan& plan, Instant now,
          const Limits& limits) {
  Step result{{}, transient, {Reply{reserve.token, Decided{plan, now}}}};
  result.changes.push_back(ReservationSet{reserve.instance.container,
      {reserve.instance.generation, MachineId(plan.chosen), reserve.need, now}});
  if (!state.sweep) result.changes.push_back(SweepSet{ReservationSweep{now + limits.sweepEvery, std::nullopt}});
  reportSums(result, state, Urgency::AS_IT_FILLS, now, limits);
  return result;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A refusal leaves the ID without a reservation: an older generation's instance has ended, and a machine in `avoid` has refused.
Step onReserve(const State& state, const Transient& transient, const Reserve& reserve, Instant now, const Limits& limits) {
  auto& [container, generation] = reserve.instance;
  auto found = state.reservations.find(container);
  const Reservation* held = found == state.reservations.end() ? nullptr : &found->second;

  if (held != nullptr && held->generation > generation) {
    return reject(transient, reserve.token, toText(reserve.instance) + " is out of date; generation " +
                                                std::to_string(held->generation.value()) + " has the reservation");
  }
  if (held != nullptr && held->generation == generation && !contains(reserve.avoid, held->machine.value())) {
    placement::Plan plan{held->machine.value(), "reserved before for this generation", {}};
    return reply(transient, reserve.token, Decided{std::move(plan), now});
  }
  if (held == nullptr && state.reservations.size() >= limits.reservationsMax) {
    placement::Refusal refusal{"the location has its " + std::to_string(limits.reservationsMax) + " reservations", {}};
    return reply(transient, reserve.token, Decided{std::move(refusal), now});
  }

  auto decision = choose(state, reserve, held, limits);
  if (auto* plan = std::get_if<placement::Plan>(&decision)) {
    return keep(state, transient, reserve, *plan, now, limits);
  }
  Step result{{}, transient, {Reply{reserve.token, Decided{std::move(decision), now}}}};
  if (held != nullptr) {
    result.changes.push_back(ReservationErased{container});
    reportSums(result, state, Urgency::AS_IT_FILLS, now, limits);
  }
  return result;
}

Step freeReservation(const State& state, const Transient& transient, const ContainerId& container, Instant now, const Limits& limits) {
  Step result{{ReservationErased{container}}, transient, {}};
  reportSums(result, state, Urgency::AS_IT_FILLS, now, limits);
  return result;
}

// A generation is released when it has provably ended, and with it all older ones.
Step onRelease(const State& state, const Transient& transient, const Release& release, Instant now, const Limits& limits) {
  auto held = state.reservations.find(release.instance.container);
  if (held == state.reservations.end() || held->second.generation > release.instance.generation) {
    return reply(transient, release.token, Acknowledged{});
  }
  auto result = freeReservation(state, transient, release.instance.container, now, limits);
  result.effects.push_back(Reply{release.token, Acknowledged{}});
  return result;
}

// One batch of a round; or the end, when nothing is left to reconcile. A batch waits for the answers to the one before.
void reconcile(Step& step, const State& state, Instant now, const Limits& limits) {
  if (state.reservations.empty()) return step.changes.push_back(SweepSet{std::nullopt});
  if (step.transient.asked > 0) {
    return step.changes.push_back(SweepSet{ReservationSweep{now + limits.sweepPause, state.sweep->after}});
  }
  auto batch = sweep(state.reservations, state.sweep->after, limits.sweepBatch,
                     [&](const Reservation& reservation) { return reservation.at + limits.reservationAge <= now; });
  auto next = now + (batch.last ? limits.sweepPause : limits.sweepEvery);
  step.changes.push_back(SweepSet{ReservationSweep{next, batch.last}});
  step.transient.asked = batch.due.size();
  for (auto& container: batch.due) {
    step.effects.push_back(AskHolder{{container, state.reservations.at(container).generation}});
  }
}

Step onAlarm(const State& state, const Transient& transient, Instant now, const Limits& limits) {
  Step result{{}, transient, {}};
  if (state.sweep && state.sweep->at <= now) reconcile(result, state, now, limits);
  if (state.reportAt && *state.reportAt <= now) {
    if (transient.reporting) {
      result.changes.push_back(ReportSet{now + limits.reportRetry});
    } else {
      sendReport(result, now, limits);
    }
  }
  return result;
}

Transient answered(Transient transient) {
  check(transient.asked > 0, "an answer about a reservation follows a question");
  --transient.asked;
  return transient;
}

// The answer is about one generation: a reservation that a newer one has replaced meanwhile stays.
Step onHolderAnswered(const State& state, const Transient& transient, const HolderAnswered& answer, Instant now,
                      const Limits& limits) {
  auto held = state.reservations.find(answer.instance.container);
  bool isStillAsked = held != state.reservations.end() && held->second.generation == answer.instance.generation;
  if (answer.holds == HolderAnswered::Holds::YES || !isStillAsked) return unchanged(answered(transient));
  return freeReservation(state, answered(transient), answer.instance.container, now, limits);
}

Transient notReporting(Transient transient) {
  transient.reporting = false;
  return transient;
}

Step onGlobalReported(const State& state, const Transient& transient, const GlobalReported& reported, Instant now,
                      const Limits& limits) {
  Step result{{}, notReporting(transient), {}};
  if (reported.sums != state.sums) {
    reportSums(result, state, Urgency::AS_IT_FILLS, now, limits);
  } else if (state.reportAt) {
    result.changes.push_back(ReportSet{std::nullopt});
  }
  return result;
}

// ---- The sums, kept with each change.

void addMachineTo(Sums& sums, const Machine& machine) {
  sums.total = sums.total + machine.capacity;
  sums.free = sums.free + freeOf(machine);
}

void takeMachineFrom(Sums& sums, const Machine& machine) {
  sums.total = sums.total - machine.capacity;
  sums.free = sums.free - freeOf(machine);
}

// Changes the machine and the sums with it.
void setMachine(Sums& sums, Machine& machine, const Machine& value) {
  takeMachineFrom(sums, machine);
  machine = value;
  addMachineTo(sums, machine);
}

Machine& machineOf(State& state, const Reservation& reservation) {
  auto found = state.machines.find(reservation.machine);
  check(found != state.machines.end(), "a reservation is on a machine of its location");
  return found->second;
}

void eraseReservation(State& state, const ContainerId& container) {
  auto held = state.reservations.find(container);
  if (held == state.reservations.end()) return;
  auto& machine = machineOf(state, held->second);
  setMachine(state.sums, machine, {machine.capacity, machine.reserved - held->second.need});
  state.reservations.erase(held);
}

void setReservation(State& state, const ReservationSet& set) {
  eraseReservation(state, set.container);
  auto& machine = machineOf(state, set.reservation);
  setMachine(state.sums, machine, {machine.capacity, machine.reserved + set.reservation.need});
  state.reservations.emplace(set.container, set.reservation);
}

void setCapacity(State& state, const MachineSet& set) {
  auto& machine = state.machines[set.machine];
  setMachine(state.sums, machine, {set.capacity, machine.reserved});
}

}  // namespace

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits) {
  return std::visit(Match{
      [&](const RegisterMachine& registration) { return onRegisterMachine(state, transient, registration, now, limits); },
      [&](const Reserve& reserve) { return onReserve(state, transient, reserve, now, limits); },
      [&](const Release& release) { return onRelease(state, transient, release, now, limits); },
      [&](const AlarmFired&) { return onAlarm(state, transient, now, limits); },
      [&](const HolderAnswered& answer) { return onHolderAnswered(state, transient, answer, now, limits); },
      // Who cannot be asked keeps the reservation; the next round asks again.
      [&](const HolderUnreachable&) { return unchanged(answered(transient)); },
      [&](const GlobalReported& reported) { return onGlobalReported(state, transient, reported, now, limits); },
      // It is due again already.
      [&](const GlobalUnreachable&) { return unchanged(notReporting(transient)); },
  }, message);
}

// Nothing waits, nothing was asked; the alarm is stored.
Step resume(const State&, Instant, const Limits&) { return {}; }

void apply(State& state, const Change& change) {
  std::visit(Match{
      [&](const MachineSet& set) { setCapacity(state, set); },
      [&](const ReservationSet& set) { setReservation(state, set); },
      [&](const ReservationErased& erased) { eraseReservation(state, erased.container); },
      [&](const SweepSet& set) { state.sweep = set.sweep; },
      [&](const ReportSet& set) { state.reportAt = set.at; },
  }, change);
}

std::optional<Instant> alarmAt(const State& state) {
  if (!state.sweep) return state.reportAt;
  return state.reportAt ? std::min(state.sweep->at, *state.reportAt) : state.sweep->at;
}

bool resting(const Transient& transient) { return transient.asked == 0 && !transient.reporting; }

}  // namespace meridian::location
