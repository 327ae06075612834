#include "actors/application/application.h"

#include <algorithm>

#include "actors/application/phase-calls.h"
#include "runtime/base/check.h"
#include "runtime/base/match.h"

namespace meridian::application {

namespace {

// A step in the making. Copying the state is cheap: the configs in it are shared.
struct Draft {
  State state;
  Transient transient;
  Instant now;
  const Limits& limits;
  std::vector<Effect> effects;
  bool isChanged = false;
};

bool isSettled(const State& state) { return std::holds_alternative<Settled>(state.phase); }

Duration pauseBefore(uint32_t tries, const Limits& limits) {
  auto pause = limits.retryFirst;
  for (uint32_t i = 0; i < tries && pause < limits.retryMax; ++i) pause *= 2;
  return std::min(pause, limits.retryMax);
}

// The alarm of a phase: when failed calls are made again, and not after the deadline of a push.
void setRetry(Draft& draft) {
  auto at = draft.now + pauseBefore(draft.transient.tries, draft.limits);
  if (auto* pushing = std::get_if<Pushing>(&draft.state.phase)) {
    if (draft.now < pushing->deadline) at = std::min(at, pushing->deadline);
  }
  draft.state.retryAt = at;
  draft.isChanged = true;
}

void advance(Draft& draft);

void enter(Draft& draft, Phase phase) {
  draft.state.phase = std::move(phase);
  draft.transient.objection.clear();
  draft.transient.tries = 0;
  setRetry(draft);
  for (auto& call: callsOf(draft.state)) {
    draft.transient.calls.emplace(call, CallState::UNDER_WAY);
    draft.effects.push_back(call);
  }
  if (draft.transient.calls.empty()) advance(draft);
}

void startNext(Draft& draft) {
  while (isSettled(draft.state) && !draft.transient.queue.empty()) {
    auto next = std::move(draft.transient.queue.front());
    draft.transient.queue.pop_front();
    if (declaresNothing(*next.config) && declaresNothing(*draft.state.config)) {
      draft.effects.push_back(Reply{next.token, Refused{"application " + next.config->name + " is not deployed"}});
      continue;
    }
    draft.transient.caller = next.token;
    enter(draft, Claiming{next.config, next.force});
  }
}

void settle(Draft& draft, Answer answer) {
  draft.state.phase = Settled{};
  draft.state.retryAt.reset();
  draft.isChanged = true;
  if (draft.transient.caller) draft.effects.push_back(Reply{*draft.transient.caller, std::move(answer)});
  draft.transient.caller.reset();
  startNext(draft);
}

void putInForce(Draft& draft, ConfigPtr config) {
  ++draft.state.version;
  draft.state.deployedAt = draft.now;
  draft.state.config = std::move(config);
  enter(draft, Configuring{});
}

std::string joined(const std::string& reason, const std::string& objection) {
  return objection.empty() ? reason : reason + "; " + objection;
}

// All calls of the phase are answered.
void advance(Draft& draft) {
  auto phase = draft.state.phase;
  auto objection = draft.transient.objection;
  std::visit(Match{
      [&](const Settled&) { failCheck("a settled application makes no calls"); },
      [&](const Claiming& claiming) {
        if (!objection.empty()) return enter(draft, GivingBack{claiming.config, objection});
        enter(draft, Retiring{claiming.config, claiming.force});
      },
      [&](const Retiring& retiring) {
        if (!objection.empty()) return enter(draft, GivingBack{retiring.config, objection});
        putInForce(draft, retiring.config);
      },
      [&](const Configuring&) { enter(draft, Announcing{}); },
      [&](const Announcing&) {
        enter(draft, Pushing{std::move(draft.transient.gateways), draft.now + draft.limits.pushFor});
      },
      [&](const Pushing&) { settle(draft, Deployed{draft.state.version}); },
      [&](const GivingBack& back) { enter(draft, Restoring{joined(back.reason, objection)}); },
      [&](const Restoring& restoring) { settle(draft, Refused{restoring.reason}); },
  }, phase);
}

void advanceIfDone(Draft& draft) {
  if (draft.transient.calls.empty()) advance(draft);
}

// ---- Messages, in the order of the header.

void enqueue(Draft& draft, Waiting waiting) {
  if (draft.transient.queue.size() >= draft.limits.deploysMax) {
    draft.effects.push_back(Reject{waiting.token,
        std::to_string(draft.limits.deploysMax) + " deploys of application " + waiting.config->name + " wait already"});
    return;
  }
  draft.transient.queue.push_back(std::move(waiting));
  startNext(draft);
}

void onDeploy(Draft& draft, const Deploy& deploy) {
  if (auto found = objection(*deploy.config, deploy.application, draft.limits.config)) {
    draft.effects.push_back(Reply{deploy.token, Refused{*found}});
    return;
  }
  enqueue(draft, {deploy.token, deploy.config, deploy.force});
}

void onRemove(Draft& draft, const Remove& remove) {
  check(declaresNothing(*remove.nothing), "what remove deploys declares nothing");
  enqueue(draft, {remove.token, remove.nothing, remove.force});
}

void object(Draft& draft, std::string objection) {
  if (draft.transient.objection.empty()) draft.transient.objection = std::move(objection);
}

// An answer that nobody waits for any more, such as a gateway's after the deadline, is dropped by each of these.
bool isAwaited(Draft& draft, const Call& call) { return draft.transient.calls.erase(call) != 0; }

// Another owner refuses a deploy. When the class was ours and is claimed again, somebody took it in between: that is said, and
// cannot be helped.
void onClaimed(Draft& draft, const Claimed& claimed, const std::string& application) {
  if (!isAwaited(draft, claimed.call)) return;
  if (claimed.owner != application) {
    object(draft, "class " + claimed.call.containerClass.value() + " belongs to application " + claimed.owner);
  }
  advanceIfDone(draft);
}

void onRetired(Draft& draft, const Retired& retired) {
  if (!isAwaited(draft, retired.call)) return;
  if (retired.busy > 0) {
    object(draft, "class " + retired.call.containerClass.value() + " goes away and still has " + std::to_string(retired.busy) +
                      (retired.busy == 1 ? " instance" : " instances") + "; stop them, or use force");
  }
  advanceIfDone(draft);
}

void onAnnounced(Draft& draft, const Announced& announced) {
  if (!isAwaited(draft, Announce{})) return;
  draft.transient.gateways = announced.gateways;
  advanceIfDone(draft);
}

void onDone(Draft& draft, const Done& done) {
  if (!isAwaited(draft, done.call)) return;
  advanceIfDone(draft);
}

// The alarm makes it again.
void onCallFailed(Draft& draft, const CallFailed& failed) {
  auto found = draft.transient.calls.find(failed.call);
  if (found != draft.transient.calls.end()) found->second = CallState::FAILED;
}

void abandonPushes(Draft& draft) {
  std::erase_if(draft.transient.calls, [](auto& entry) { return std::holds_alternative<PushRoutes>(entry.first); });
}

void onAlarm(Draft& draft) {
  if (!draft.state.retryAt || draft.now < *draft.state.retryAt) return;
  auto* pushing = std::get_if<Pushing>(&draft.state.phase);
  if (pushing != nullptr && pushing->deadline <= draft.now) {
    abandonPushes(draft);
    if (draft.transient.calls.empty()) return advance(draft);
  }
  for (auto& [call, callState]: draft.transient.calls) {
    if (callState != CallState::FAILED) continue;
    callState = CallState::UNDER_WAY;
    draft.effects.push_back(call);
  }
  ++draft.transient.tries;
  setRetry(draft);
}

// The application's name, which a config that got past the border has.
std::string nameIn(const State& state) {
  auto& inForce = state.config->name;
  return std::visit(Match{
      [&](const Settled&) { return inForce; },
      [&](const Claiming& claiming) { return claiming.config->name; },
      [&](const Retiring& retiring) { return retiring.config->name; },
      [&](const Configuring&) { return inForce; },
      [&](const Announcing&) { return inForce; },
      [&](const Pushing&) { return inForce; },
      [&](const GivingBack& back) { return back.config->name; },
      [&](const Restoring&) { return inForce; },
  }, state.phase);
}

}  // namespace

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits) {
  Draft draft{state, std::move(transient), now, limits, {}};
  std::visit(Match{
      [&](const Deploy& deploy) { onDeploy(draft, deploy); },
      [&](const Remove& remove) { onRemove(draft, remove); },
      [&](const Claimed& claimed) { onClaimed(draft, claimed, nameIn(state)); },
      [&](const Retired& retired) { onRetired(draft, retired); },
      [&](const Announced& announced) { onAnnounced(draft, announced); },
      [&](const Done& done) { onDone(draft, done); },
      [&](const CallFailed& failed) { onCallFailed(draft, failed); },
      [&](const AlarmFired&) { onAlarm(draft); },
  }, message);
  Step result{{}, std::move(draft.transient), std::move(draft.effects)};
  if (draft.isChanged) result.changes.push_back(std::move(draft.state));
  return result;
}

// The alarm is stored; the calls of the phase are made again.
Step resume(const State& state) {
  Step result;
  for (auto& call: callsOf(state)) {
    result.transient.calls.emplace(call, CallState::UNDER_WAY);
    result.effects.push_back(call);
  }
  return result;
}

std::optional<Instant> alarmAt(const State& state) { return state.retryAt; }

bool resting(const State& state, const Transient& transient) { return isSettled(state) && transient.queue.empty(); }

}  // namespace meridian::application
