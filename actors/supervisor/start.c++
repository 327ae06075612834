#include "actors/supervisor/start.h"

#include <algorithm>
#include <cstdio>

#include "actors/supervisor/lease.h"
#include "actors/supervisor/stop.h"
#include "runtime/base/check.h"
#include "runtime/base/match.h"

namespace meridian::supervisor {

namespace {

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// What is wrong with the environment of an explicit start; empty: nothing.
std::string flawOf(const std::vector<EnvVar>& env, const Limits& limits) {
  if (env.size() > limits.envMax) {
    return "env has " + std::to_string(env.size()) + " variables; at most " + std::to_string(limits.envMax) + " are allowed";
  }
  size_t bytes = 0;
  for (auto& variable: env) {
    if (variable.name.empty() || variable.name.find('=') != std::string::npos || variable.name.find('\0') != std::string::npos) {
      return "env: \"" + variable.name + "\" is not a variable's name; it must not be empty and holds neither '=' nor NUL";
    }
    if (variable.value.find('\0') != std::string::npos) return "env: the value of " + variable.name + " holds a NUL";
    bytes += variable.name.size() + variable.value.size();
  }
  if (bytes > limits.envBytesMax) {
    return "env takes " + std::to_string(bytes) + " bytes; at most " + std::to_string(limits.envBytesMax) + " are allowed";
  }
  return "";
}

std::string ms(Duration duration) {
  char text[32];
  snprintf(text, sizeof text, "%.3f", static_cast<double>(duration.count()) / 1e6);
  return text;
}

// The phases of the start, each counted from waking. Those before a crash are not known any more.
std::string phases(const Chain& chain, Instant since, Instant now) {
  std::string detail;
  auto add = [&](const char* name, std::optional<Instant> at) {
    if (at) detail += std::string(" ") + name + "_ms=" + ms(*at - since);
  };
  add("placed", chain.placedAt);
  add("accepted", chain.acceptedAt);
  add("started", chain.startedAt);
  add("ready", now);
  return detail;
}

void keepDecision(Turn& turn, Decision decision) {
  auto& kept = turn.transient.chain.decisions;
  if (decision.candidates.size() > turn.limits.candidatesMax) decision.candidates.resize(turn.limits.candidatesMax);
  if (kept.size() >= turn.limits.decisionsMax) kept.erase(kept.begin());
  kept.push_back(std::move(decision));
}

void askForLocation(Turn& turn) {
  auto& chain = turn.transient.chain;
  chain.step = Chain::Step::PLACE;
  turn.call(Place{turn.generation(), chain.spec->need, chain.avoidLocations});
}

void noCapacity(Turn& turn, const std::string& why) {
  abandonStart(turn, {FailureCode::NO_CAPACITY, why, turn.limits.retryAfter, {}});
}

// Once every location has refused, the global scheduler only knows that it was asked before; the last location knows why.
std::string whyNoRoom(const Turn& turn, const Decision& global) {
  auto& chain = turn.transient.chain;
  for (auto decision = chain.decisions.rbegin(); decision != chain.decisions.rend(); ++decision) {
    if (contains(chain.avoidLocations, LocationId(decision->tier))) return decision->tier + ": " + decision->reason;
  }
  return global.reason;
}

// The generation has ended: what is still granted to it is given back.
bool over(const Turn& turn, Generation generation) {
  return generation < turn.generation() || turn.in<Stopped>(generation) != nullptr;
}

void enterStarting(Turn& turn, const Placing& placing, MachineId machine) {
  auto& chain = turn.transient.chain;
  auto& state = turn.change();
  if (placing.reservedAt && *placing.reservedAt != chain.location) {
    turn.call(ReleaseReservation{state.generation, *placing.reservedAt});
  }
  state.spec = chain.spec;
  state.decisions = chain.decisions;
  auto& logs = state.logMachines;
  logs.erase(std::remove(logs.begin(), logs.end(), machine), logs.end());
  if (logs.size() >= turn.limits.logMachinesMax) logs.erase(logs.begin());
  logs.push_back(machine);

  chain.step = Chain::Step::START;
  chain.placedAt = turn.now;
  Starting starting{placing.since, machine, chain.location, placing.since + chain.spec->startTimeout};
  turn.enter(starting, "location=" + chain.location.value() + " machine=" + machine.value());
  turn.call(startCall(turn.state(), starting));
}

}  // namespace

void beginStart(Turn& turn, Cause cause) {
  auto& state = turn.change();
  check(std::holds_alternative<Stopped>(state.life), "a generation begins when the one before has ended");
  state.generation = next(state.generation);
  state.restarts = cause == Cause::POLICY ? state.restarts + 1 : 0;
  // What is started again, not by anybody's new wish, keeps the environment that it had.
  if (cause == Cause::REQUEST) state.extraEnv = std::exchange(turn.transient.nextEnv, {});
  state.decisions.clear();

  auto& transient = turn.transient;
  transient.chain = Chain{};
  transient.chain.step = Chain::Step::ACQUIRE;
  transient.gateways.clear();
  transient.returned.clear();
  transient.kills = 0;

  auto timeout = state.spec ? state.spec->startTimeout : turn.limits.startTimeout;
  const char* word = cause == Cause::REQUEST ? "request" : cause == Cause::POLICY ? "restart" : "rollout";
  turn.enter(Placing{turn.now, turn.now + timeout, {}, {}}, std::string("cause=") + word);
  turn.call(Acquire{state.generation});
}

void abandonStart(Turn& turn, const StartFailure& failure, std::optional<Exit> exit) {
  auto generation = turn.generation();
  auto placing = *turn.in<Placing>(generation);
  auto& chain = turn.transient.chain;
  auto& state = turn.change();
  state.decisions = chain.decisions;
  if (exit) state.lastExit = std::move(exit);

  Stopped stopped;
  // Only a start that the policy made by itself is tried again by itself: others have a caller, who was told.
  if (state.restarts > 0 && failure.code != FailureCode::STOPPED) stopped.restartAt = restartTime(turn, Duration::zero());
  turn.enter(stopped, std::string("failure=") + toText(failure.code));

  turn.call(ReleasePermit{generation});
  if (placing.reservedAt) turn.call(ReleaseReservation{generation, *placing.reservedAt});
  if (chain.step == Chain::Step::RESERVE && chain.location != placing.reservedAt) {
    turn.call(ReleaseReservation{generation, chain.location});
  }
  chain = Chain{};
  failStarts(turn, failure);
}

void beginAnew(Turn& turn) {
  auto waiting = std::exchange(turn.transient.starts, {});
  abandonStart(turn, {FailureCode::STOPPED, "replaced by a newer version", {}, {}});
  turn.transient.starts = std::move(waiting);
  beginStart(turn, Cause::ROLLOUT);
}

void failStarts(Turn& turn, const StartFailure& failure) {
  for (auto& waiter: std::exchange(turn.transient.starts, {})) {
    if (waiter.kind == StartWaiter::Kind::ROLLOUT) {
      turn.reply(waiter.token, Acknowledged{});
    } else {
      turn.reply(waiter.token, failure);
    }
  }
}

bool waitForStart(Turn& turn, StartWaiter waiter) {
  if (turn.transient.starts.size() >= turn.limits.waitersMax) {
    turn.refuse(waiter.token, Fault::OVERLOADED,
                std::to_string(turn.limits.waitersMax) + " callers wait for this start already; that is the limit");
    return false;
  }
  turn.transient.starts.push_back(std::move(waiter));
  return true;
}

StartInstance startCall(const State& state, const Starting& starting) {
  return {state.generation, starting.machine, starting.location, state.spec->words, state.extraEnv};
}

bool underWay(const Turn& turn, Generation generation, Chain::Step step) {
  return turn.in<Placing>(generation) && turn.transient.chain.step == step;
}

void onLease(Turn& turn, const Lease& message) {
  StartWaiter waiter{message.token, StartWaiter::Kind::LEASE, message.gateway};
  std::visit(Match{
    [&](const Stopped&) { if (waitForStart(turn, waiter)) beginStart(turn, Cause::REQUEST); },
    [&](const Placing&) { waitForStart(turn, waiter); },
    [&](const Starting&) { waitForStart(turn, waiter); },
    [&](const Running&) { grantLease(turn, message.token, message.gateway); },
    [&](const Draining&) { waitForStart(turn, waiter); },     // for the next generation
    [&](const Stopping&) { waitForStart(turn, waiter); },
  }, turn.state().life);
}

void onStart(Turn& turn, const Start& message) {
  if (auto flaw = flawOf(message.env, turn.limits); !flaw.empty()) {
    return turn.refuse(message.token, Fault::FAILED, flaw);
  }
  StartWaiter waiter{message.token, StartWaiter::Kind::START, {}};
  auto join = [&] {
    if (!message.env.empty() && message.env != turn.state().extraEnv) {
      return turn.refuse(message.token, Fault::FAILED, "it is being started already, with another env; stop it first");
    }
    waitForStart(turn, waiter);
  };
  auto waitForNext = [&] {
    auto& env = turn.transient.nextEnv;
    if (!message.env.empty() && !env.empty() && message.env != env) {
      return turn.refuse(message.token, Fault::FAILED, "another start waits already, with another env");
    }
    if (waitForStart(turn, waiter) && !message.env.empty()) env = message.env;
  };
  std::visit(Match{
    [&](const Stopped&) {
      if (!waitForStart(turn, waiter)) return;
      turn.transient.nextEnv = message.env;
      beginStart(turn, Cause::REQUEST);
    },
    [&](const Placing&) { join(); },
    [&](const Starting&) { join(); },
    [&](const Running&) {
      if (!message.env.empty()) {
        return turn.refuse(message.token, Fault::FAILED, "it runs already, so env cannot be added; stop it first");
      }
      turn.transient.touchedAt = turn.now;
      turn.reply(message.token, statusOf(turn.state()));
    },
    [&](const Draining&) { waitForNext(); },
    [&](const Stopping&) { waitForNext(); },
  }, turn.state().life);
}

void onGranted(Turn& turn, const Granted& message) {
  if (over(turn, message.generation)) return turn.call(ReleasePermit{message.generation});
  if (!underWay(turn, message.generation, Chain::Step::ACQUIRE)) return;
  turn.transient.chain.spec = message.spec;
  askForLocation(turn);
}

void onClassFull(Turn& turn, const ClassFull& message) {
  if (!underWay(turn, message.generation, Chain::Step::ACQUIRE)) return;
  abandonStart(turn, {FailureCode::MAX_INSTANCES,
                      "all " + std::to_string(message.maxInstances) + " instances that max_instances allows are in use",
                      turn.limits.retryAfter, {}});
}

void onClassUnknown(Turn& turn, const ClassUnknown& message) {
  if (!underWay(turn, message.generation, Chain::Step::ACQUIRE)) return;
  abandonStart(turn, {FailureCode::UNKNOWN_CLASS, "no application declares this class", {}, {}});
}

void onPlaced(Turn& turn, const Placed& message) {
  if (!underWay(turn, message.generation, Chain::Step::PLACE)) return;
  auto& chain = turn.transient.chain;
  LocationId location(message.decision.chosen);
  if (contains(chain.avoidLocations, location)) return;     // an answer to an earlier question
  keepDecision(turn, message.decision);
  if (message.decision.chosen.empty()) return noCapacity(turn, whyNoRoom(turn, message.decision));
  chain.step = Chain::Step::RESERVE;
  chain.location = location;
  turn.call(Reserve{message.generation, location, chain.spec->need, chain.avoidMachines});
}

void onReserved(Turn& turn, const Reserved& message) {
  if (over(turn, message.generation)) return turn.call(ReleaseReservation{message.generation, message.location});
  auto& chain = turn.transient.chain;
  if (!underWay(turn, message.generation, Chain::Step::RESERVE) || message.location != chain.location) return;
  keepDecision(turn, message.decision);
  MachineId machine(message.decision.chosen);
  if (!message.decision.chosen.empty() && !contains(chain.avoidMachines, machine)) {
    auto placing = *turn.in<Placing>(message.generation);
    return enterStarting(turn, placing, machine);
  }
  chain.avoidLocations.push_back(message.location);
  if (chain.avoidLocations.size() >= turn.limits.refusalsMax) return noCapacity(turn, message.decision.reason);
  askForLocation(turn);
}

void onAccepted(Turn& turn, const Accepted& message) {
  auto starting = turn.in<Starting>(message.generation);
  auto& chain = turn.transient.chain;
  if (!starting || starting->machine != message.machine || chain.step != Chain::Step::START) return;
  chain.step = Chain::Step::NONE;
  chain.acceptedAt = turn.now;
}

// The machine has recorded its refusal, so this generation will not start there later either: it may be placed elsewhere.
void onRefused(Turn& turn, const Refused& message) {
  auto found = turn.in<Starting>(message.generation);
  auto& chain = turn.transient.chain;
  if (!found || found->machine != message.machine || chain.step != Chain::Step::START) return;
  auto starting = *found;
  chain.spec = turn.state().spec;
  chain.avoidMachines.push_back(message.machine);
  keepDecision(turn, {message.machine.value(), turn.now, "", {}, message.why});
  turn.enter(Placing{starting.since, starting.deadline, chain.avoidMachines, starting.location},
             "refused_by=" + message.machine.value());
  if (chain.avoidMachines.size() >= turn.limits.refusalsMax) {
    chain.step = Chain::Step::NONE;
    return noCapacity(turn, "each of " + std::to_string(turn.limits.refusalsMax) + " machines refused it; the last: " + message.why);
  }
  askForLocation(turn);
}

void onInstanceStarted(Turn& turn, const InstanceStarted& message) {
  turn.reply(message.token, Acknowledged{});
  auto starting = turn.in<Starting>(message.generation);
  if (!starting || starting->machine != message.machine) return;
  turn.transient.chain.step = Chain::Step::NONE;            // so it was accepted, whatever became of the answer
  turn.transient.chain.startedAt = message.startedAt;
}

void onInstanceReady(Turn& turn, const InstanceReady& message) {
  turn.reply(message.token, Acknowledged{});
  auto found = turn.in<Starting>(message.generation);
  if (!found || found->machine != message.machine) return;
  auto starting = *found;
  auto& transient = turn.transient;
  auto& state = turn.change();
  state.readyAfter = std::max(Duration::zero(), turn.now - starting.since);   // the clock may have stepped back
  auto idleCheckAt = turn.now + std::max(state.spec->sleepAfter, turn.limits.sleepAfterMin);
  turn.enter(Running{starting.machine, starting.location, message.host, transient.chain.startedAt.value_or(turn.now),
                     Health::HEALTHY, {}, idleCheckAt},
             "machine=" + starting.machine.value() + phases(transient.chain, starting.since, turn.now));
  transient.chain = Chain{};
  transient.touchedAt = turn.now;

  for (auto& waiter: std::exchange(transient.starts, {})) {
    switch (waiter.kind) {
      case StartWaiter::Kind::LEASE: grantLease(turn, waiter.token, waiter.gateway); break;
      case StartWaiter::Kind::START: turn.reply(waiter.token, statusOf(turn.state())); break;
      case StartWaiter::Kind::ROLLOUT: turn.reply(waiter.token, Acknowledged{}); break;
    }
  }
}

void onPlacingDeadline(Turn& turn) {
  auto& fault = turn.transient.chain.fault;
  abandonStart(turn, {FailureCode::RETRY, "it could not be placed in time" + (fault.empty() ? "" : ": " + fault),
                      turn.limits.retryAfter, {}});
}

// The machine may have accepted, so the generation is over only when it is proven gone.
void onStartDeadline(Turn& turn) {
  auto starting = *turn.in<Starting>(turn.generation());
  Exit exit{StopReason::START_TIMEOUT, {}, {}, "it was not ready within start_timeout", turn.now};
  failStarts(turn, {FailureCode::START_TIMEOUT, exit.detail, turn.limits.retryAfter, exit});
  enterStopping(turn, {starting.machine, starting.location}, StopReason::START_TIMEOUT, SIGKILL, Logs::KEEP);
}

}  // namespace meridian::supervisor
