#include "actors/class/class.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/base/match.h"
#include "runtime/base/sweep.h"

namespace meridian::container_class {

namespace {

std::optional<std::string> ownerOf(const State& state) {
  return std::visit(Match{
      [](const Unclaimed&) -> std::optional<std::string> { return std::nullopt; },
      [](const Claimed& claimed) -> std::optional<std::string> { return claimed.application; },
      [](const Configured& configured) -> std::optional<std::string> { return configured.spec.application; },
  }, state.ownership);
}

Step unchanged(const Transient& transient) { return {{}, transient, {}}; }

Step reply(const Transient& transient, CallToken token, Answer answer) {
  return {{}, transient, {Reply{token, std::move(answer)}}};
}

// The first claimer has it; everybody is told who that is.
Step onClaim(const State& state, const Transient& transient, const Claim& claim) {
  auto owner = ownerOf(state);
  if (owner) return reply(transient, claim.token, Owner{*owner});
  return {{OwnershipSet{Claimed{claim.application}}}, transient, {Reply{claim.token, Owner{claim.application}}}};
}

// Late and repeated ones change nothing: a spec of an application that does not own the class, or of a version that is not newer.
Step onConfigure(const State& state, const Transient& transient, const Configure& configure) {
  auto& spec = configure.spec;
  bool isNews = std::visit(Match{
      [](const Unclaimed&) { return false; },
      [&](const Claimed& claimed) { return claimed.application == spec.application; },
      [&](const Configured& configured) {
        return configured.spec.application == spec.application && configured.spec.version < spec.version;
      },
  }, state.ownership);
  if (!isNews) return reply(transient, configure.token, Acknowledged{});
  return {{OwnershipSet{Configured{spec}}}, transient, {Reply{configure.token, Acknowledged{}}}};
}

Step onRetire(const State& state, const Transient& transient, const Retire& retire) {
  if (ownerOf(state) != retire.application) return reply(transient, retire.token, Busy{0});
  if (retire.force == Force::NO && !state.permits.empty()) {
    return reply(transient, retire.token, Busy{static_cast<uint32_t>(state.permits.size())});
  }
  return {{OwnershipSet{Unclaimed{}}}, transient, {Reply{retire.token, Busy{0}}}};
}

Step grant(const State& state, const Transient& transient, const Acquire& acquire, const Spec& spec, Instant now,
           const Limits& limits) {
  Step result{{PermitSet{acquire.id, {acquire.generation, now}}}, transient,
              {Reply{acquire.token, PermitOutcome(Granted{spec.words})}}};
  if (!state.sweep) result.changes.push_back(SweepSet{PermitSweep{now + limits.sweepEvery, std::nullopt}});
  return result;
}

// An ID has one permit. The same generation is granted again; a newer one takes over, also when the class is full, since it
// makes nobody more; an older one is out of date.
Step onAcquire(const State& state, const Transient& transient, const Acquire& acquire, Instant now, const Limits& limits) {
  auto* configured = std::get_if<Configured>(&state.ownership);
  if (configured == nullptr) return reply(transient, acquire.token, PermitOutcome(Unknown{}));
  auto& spec = configured->spec;

  auto held = state.permits.find(acquire.id);
  if (held != state.permits.end()) {
    auto holder = held->second.generation;
    if (holder == acquire.generation) return reply(transient, acquire.token, PermitOutcome(Granted{spec.words}));
    if (holder < acquire.generation) return grant(state, transient, acquire, spec, now, limits);
    return {{}, transient, {Reject{acquire.token,
        "generation " + std::to_string(acquire.generation.value()) + " of " + acquire.id + " is out of date; generation " +
        std::to_string(holder.value()) + " has the permit"}}};
  }

  auto max = std::min(spec.maxInstances, limits.permitsMax);
  if (state.permits.size() >= max) return reply(transient, acquire.token, PermitOutcome(Full{max}));
  return grant(state, transient, acquire, spec, now, limits);
}

// A generation is released when it has provably ended, and with it all older ones.
Step onRelease(const State& state, const Transient& transient, const Release& release) {
  auto held = state.permits.find(release.id);
  if (held == state.permits.end() || held->second.generation > release.generation) {
    return reply(transient, release.token, Acknowledged{});
  }
  return {{PermitErased{release.id}}, transient, {Reply{release.token, Acknowledged{}}}};
}

// One batch of a round; or the end, when nothing is left to reconcile. A batch waits for the answers to the one before.
Step onAlarm(const State& state, const Transient& transient, Instant now, const Limits& limits) {
  if (!state.sweep || now < state.sweep->at) return unchanged(transient);
  if (state.permits.empty()) return {{SweepSet{std::nullopt}}, transient, {}};
  if (transient.asked > 0) return {{SweepSet{PermitSweep{now + limits.sweepPause, state.sweep->after}}}, transient, {}};

  auto batch = sweep(state.permits, state.sweep->after, limits.sweepBatch,
                     [&](const Permit& permit) { return permit.at + limits.permitAge <= now; });
  auto next = now + (batch.last ? limits.sweepPause : limits.sweepEvery);
  Step result{{SweepSet{PermitSweep{next, batch.last}}}, {.asked = batch.due.size()}, {}};
  for (auto& id: batch.due) result.effects.push_back(AskHolder{id, state.permits.at(id).generation});
  return result;
}

Transient answered(const Transient& transient) {
  check(transient.asked > 0, "an answer about a permit follows a question");
  return {.asked = transient.asked - 1};
}

// The answer is about one generation: a permit that a newer one has taken over meanwhile stays.
Step onHolderAnswered(const State& state, const Transient& transient, const HolderAnswered& answer) {
  auto held = state.permits.find(answer.id);
  bool isStillAsked = held != state.permits.end() && held->second.generation == answer.generation;
  if (answer.holds == HolderAnswered::Holds::YES || !isStillAsked) return unchanged(answered(transient));
  return {{PermitErased{answer.id}}, answered(transient), {}};
}

}  // namespace

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits) {
  return std::visit(Match{
      [&](const Claim& claim) { return onClaim(state, transient, claim); },
      [&](const Configure& configure) { return onConfigure(state, transient, configure); },
      [&](const Retire& retire) { return onRetire(state, transient, retire); },
      [&](const Acquire& acquire) { return onAcquire(state, transient, acquire, now, limits); },
      [&](const Release& release) { return onRelease(state, transient, release); },
      [&](const AlarmFired&) { return onAlarm(state, transient, now, limits); },
      [&](const HolderAnswered& answer) { return onHolderAnswered(state, transient, answer); },
      // Who cannot be asked keeps the permit; the next round asks again.
      [&](const HolderUnreachable&) { return unchanged(answered(transient)); },
  }, message);
}

// Nothing waits and nothing was asked; the alarm is stored.
Step resume(const State&, Instant, const Limits&) { return {}; }

void apply(State& state, const Change& change) {
  std::visit(Match{
      [&](const OwnershipSet& set) { state.ownership = set.ownership; },
      [&](const PermitSet& set) { state.permits[set.id] = set.permit; },
      [&](const PermitErased& erased) { state.permits.erase(erased.id); },
      [&](const SweepSet& set) { state.sweep = set.sweep; },
  }, change);
}

std::optional<Instant> alarmAt(const State& state) {
  return state.sweep ? std::optional(state.sweep->at) : std::nullopt;
}

}  // namespace meridian::container_class
