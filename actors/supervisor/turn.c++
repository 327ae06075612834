#include "actors/supervisor/turn.h"

#include <algorithm>

#include "runtime/base/match.h"

namespace meridian::supervisor {

Step Turn::finish() && {
  Step step;
  if (after_) step.changes.push_back(std::move(*after_));
  step.transient = std::move(transient);
  step.effects = std::move(effects_);
  return step;
}

State& Turn::change() {
  if (!after_) after_ = before_;
  return *after_;
}

void Turn::enter(Life life, std::string detail) {
  auto& state = change();
  state.life = std::move(life);
  effect(Journal{state.generation, nameOf(state.life), std::move(detail)});
}

void Turn::reply(CallToken token, Answer answer) { effect(Reply{token, std::move(answer)}); }

void Turn::refuse(CallToken token, Fault fault, std::string message) {
  effect(Refuse{token, fault, std::move(message)});
}

void Turn::effect(Effect effect) { effects_.push_back(std::move(effect)); }

void Turn::call(Call call) { effect(Perform{{std::move(call), 0}}); }

StateName nameOf(const Life& life) {
  return std::visit(Match{
    [](const Stopped&) { return StateName::STOPPED; },
    [](const Placing&) { return StateName::PLACING; },
    [](const Starting&) { return StateName::STARTING; },
    [](const Running& running) {
      return running.health == Health::HEALTHY ? StateName::RUNNING : StateName::UNHEALTHY;
    },
    [](const Draining&) { return StateName::DRAINING; },
    [](const Stopping&) { return StateName::STOPPING; },
  }, life);
}

Status statusOf(const State& state) {
  Status status;
  status.state = nameOf(state.life);
  status.generation = state.generation;
  status.lastExit = state.lastExit;
  status.restarts = state.restarts;
  status.readyAfter = state.readyAfter;
  if (state.spec) {
    status.image = state.spec->image;
    status.version = state.spec->version;
  }
  auto at = [&](const auto& life) {
    status.machine = life.machine;
    status.location = life.location;
  };
  std::visit(Match{
    [](const Stopped&) {},
    [](const Placing&) {},
    [&](const Starting& starting) { at(starting); },
    [&](const Running& running) { at(running); status.startedAt = running.startedAt; },
    [&](const Draining& draining) { at(draining); status.startedAt = draining.startedAt; },
    [&](const Stopping& stopping) { at(stopping); },
  }, state.life);
  return status;
}

const char* toText(StateName state) {
  switch (state) {
    case StateName::STOPPED: return "stopped";
    case StateName::PLACING: return "placing";
    case StateName::STARTING: return "starting";
    case StateName::RUNNING: return "running";
    case StateName::UNHEALTHY: return "unhealthy";
    case StateName::DRAINING: return "draining";
    case StateName::STOPPING: return "stopping";
  }
  return "";
}

const char* toText(FailureCode code) {
  switch (code) {
    case FailureCode::UNKNOWN_CLASS: return "unknown-class";
    case FailureCode::MAX_INSTANCES: return "max-instances";
    case FailureCode::NO_CAPACITY: return "no-capacity";
    case FailureCode::START_FAILED: return "start-failed";
    case FailureCode::START_TIMEOUT: return "start-timeout";
    case FailureCode::STOPPED: return "stopped";
    case FailureCode::RETRY: return "retry";
  }
  return "";
}

Duration doubled(Duration first, uint32_t doublings, Duration max) {
  auto delay = first;
  for (uint32_t i = 0; i < doublings && delay < max; ++i) delay *= 2;
  return std::min(delay, max);
}

}  // namespace meridian::supervisor
