#include "actors/supervisor/stop.h"

#include <algorithm>

#include "actors/supervisor/start.h"
#include "runtime/base/match.h"

namespace meridian::supervisor {

namespace {

enum class Then { STAY, POLICY, START_AGAIN };

struct Ending {
  Exit exit;
  Site site;
  Duration ran{};
  Then then = Then::STAY;
  Logs logs = Logs::KEEP;
};

std::string describe(const Exit& exit) {
  std::string detail = std::string("reason=") + toText(exit.reason);
  if (exit.code) detail += " code=" + std::to_string(*exit.code);
  if (exit.signal) detail += " signal=" + std::to_string(*exit.signal);
  return detail;
}

bool policyWantsRestart(const State& state, const Exit& exit) {
  switch (state.spec->restart) {
    case RestartPolicy::NEVER: return false;
    case RestartPolicy::ON_FAILURE: return exit.code != 0;
    case RestartPolicy::ALWAYS: return true;
  }
  return false;
}

bool callerWaits(const Transient& transient) {
  return std::any_of(transient.starts.begin(), transient.starts.end(),
                     [](const StartWaiter& waiter) { return waiter.kind != StartWaiter::Kind::ROLLOUT; });
}

void answerDestroys(Turn& turn) {
  if (!turn.transient.removing.empty()) return;
  for (auto token: std::exchange(turn.transient.destroys, {})) turn.reply(token, Acknowledged{});
}

void removeLogs(Turn& turn) {
  auto& removing = turn.transient.removing;
  for (auto& machine: turn.state().logMachines) {
    if (std::find(removing.begin(), removing.end(), machine) != removing.end()) continue;
    removing.push_back(machine);
    turn.call(RemoveLogs{machine});
  }
  answerDestroys(turn);
}

// The one way into Stopped for a generation that a machine was asked to run: its end is proven.
void conclude(Turn& turn, Ending ending) {
  auto generation = turn.generation();
  auto& transient = turn.transient;
  turn.change().lastExit = ending.exit;
  bool startAgain = ending.then == Then::START_AGAIN || callerWaits(transient);
  Stopped stopped;
  if (!startAgain && ending.then == Then::POLICY && policyWantsRestart(turn.state(), ending.exit)) {
    stopped.restartAt = restartTime(turn, ending.ran);
  }
  turn.enter(stopped, describe(ending.exit));
  turn.call(ReleasePermit{generation});
  turn.call(ReleaseReservation{generation, ending.site.location});

  for (auto token: std::exchange(transient.stops, {})) turn.reply(token, statusOf(turn.state()));
  // Before a start on the same machine, so that the removal is ahead of the new instance's first line.
  if (ending.logs == Logs::REMOVE) removeLogs(turn);

  if (startAgain) {
    beginStart(turn, ending.then == Then::START_AGAIN && transient.nextEnv.empty() ? Cause::ROLLOUT : Cause::REQUEST);
  } else {
    failStarts(turn, {FailureCode::STOPPED, "it was stopped", {}, {}});   // only rollouts wait here
  }
}

// What a stop that was under way for `reason` is when a user asks for it too: a rollout, say, must not start it again.
StopReason requestedInstead(StopReason reason) {
  return reason == StopReason::START_TIMEOUT ? reason : StopReason::REQUESTED;
}

// Best effort, without waiting: the instance is gone or about to be, and its address may be given to another one.
void recallAll(Turn& turn, const std::vector<GatewayId>& gateways) {
  for (auto& gateway: gateways) turn.call(Recall{turn.generation(), gateway});
}

void killNow(Turn& turn, Stopping stopping) {
  stopping.signal = SIGKILL;
  stopping.killAt = turn.now + turn.limits.killAgainFirst;
  turn.enter(stopping, std::string("reason=") + toText(stopping.reason) + " signal=9");
  turn.call(KillInstance{turn.generation(), stopping.machine});
}

Then afterStopping(const Turn& turn, StopReason reason) {
  if (reason == StopReason::ROLLOUT) return Then::START_AGAIN;
  bool asked = !turn.transient.stops.empty() || !turn.transient.destroys.empty();
  return reason == StopReason::START_TIMEOUT && !asked ? Then::POLICY : Then::STAY;
}

// It ended by our signal, unless the machine knows a reason of its own.
Exit oursUnlessOwn(Exit exit, StopReason reason) {
  if (exit.reason == StopReason::NONE || exit.reason == StopReason::EXITED || exit.reason == StopReason::SIGNALLED) {
    exit.reason = reason;
  }
  return exit;
}

bool waitForEnd(Turn& turn, std::vector<CallToken>& waiting, CallToken token) {
  if (waiting.size() >= turn.limits.waitersMax) {
    turn.refuse(token, Fault::OVERLOADED, std::to_string(turn.limits.waitersMax) + " callers wait for its end already; that is the limit");
    return false;
  }
  waiting.push_back(token);
  return true;
}

void cancelRestart(Turn& turn) {
  if (std::get<Stopped>(turn.state().life).restartAt) turn.enter(Stopped{}, "restart=cancelled");
}

void stopBeforePlaced(Turn& turn) {
  abandonStart(turn, {FailureCode::STOPPED, "it was stopped while it was being placed", {}, {}},
               Exit{StopReason::REQUESTED, {}, {}, "stopped before it was placed", turn.now});
}

}  // namespace

void enterDraining(Turn& turn, StopReason reason, int32_t signal) {
  auto running = std::get<Running>(turn.state().life);
  if (running.gateways.empty()) {
    return enterStopping(turn, {running.machine, running.location}, reason, signal, Logs::KEEP);
  }
  turn.transient.returned.clear();
  turn.enter(Draining{running.machine, running.location, running.host, running.startedAt, running.gateways, reason, signal,
                      turn.now + turn.limits.drain},
             std::string("reason=") + toText(reason));
  recallAll(turn, running.gateways);
}

void enterStopping(Turn& turn, const Site& site, StopReason reason, int32_t signal, Logs logs) {
  Stopping stopping{site.machine, site.location, reason, signal, turn.now + turn.state().spec->stopGrace, logs};
  turn.transient.kills = 0;
  turn.transient.chain = Chain{};
  if (signal == SIGKILL) return killNow(turn, stopping);
  turn.enter(stopping, std::string("reason=") + toText(reason) + " signal=" + std::to_string(signal));
  turn.call(SignalInstance{turn.generation(), site.machine, signal});
}

Instant restartTime(Turn& turn, Duration ran) {
  auto& state = turn.change();
  if (ran >= turn.limits.restartReset) state.shortRuns = 0;
  return turn.now + doubled(turn.limits.restartFirst, state.shortRuns++, turn.limits.restartMax);
}

void onInstanceExited(Turn& turn, const InstanceExited& message) {
  turn.reply(message.token, Acknowledged{});
  if (message.generation != turn.generation()) return;
  auto isHere = [&](const auto& life) { return life.machine == message.machine; };
  // By value: the visit's state is left while it is looked at.
  std::visit(Match{
    [&](Stopped) {},
    [&](const Placing&) {},
    [&](Starting starting) {
      if (!isHere(starting)) return;
      auto timedOut = message.exit.reason == StopReason::START_TIMEOUT;
      failStarts(turn, {timedOut ? FailureCode::START_TIMEOUT : FailureCode::START_FAILED, describe(message.exit),
                        turn.limits.retryAfter, message.exit});
      turn.transient.chain = Chain{};
      conclude(turn, {message.exit, {starting.machine, starting.location}, {}, Then::POLICY});
    },
    [&](Running running) {
      if (!isHere(running)) return;
      recallAll(turn, running.gateways);
      conclude(turn, {message.exit, {running.machine, running.location}, turn.now - running.startedAt, Then::POLICY});
    },
    [&](Draining draining) {
      if (!isHere(draining)) return;
      conclude(turn, {message.exit, {draining.machine, draining.location}, {},
                      draining.reason == StopReason::ROLLOUT ? Then::START_AGAIN : Then::STAY});
    },
    [&](Stopping stopping) {
      if (!isHere(stopping)) return;
      conclude(turn, {oursUnlessOwn(message.exit, stopping.reason), {stopping.machine, stopping.location}, {},
                      afterStopping(turn, stopping.reason), stopping.logs});
    },
  }, Life(turn.state().life));
}

void onRollout(Turn& turn, const Rollout& message) {
  StartWaiter waiter{message.token, StartWaiter::Kind::ROLLOUT, {}};
  auto nothing = [&] { turn.reply(message.token, Acknowledged{}); };
  auto isOlder = [&] { return turn.state().spec->version < message.version; };
  auto join = [&](StopReason reason) { reason == StopReason::ROLLOUT ? void(waitForStart(turn, waiter)) : nothing(); };
  std::visit(Match{
    [&](Stopped) { nothing(); },
    [&](const Placing&) {
      auto& granted = turn.transient.chain.spec;
      if (granted && granted->version >= message.version) return nothing();
      if (waitForStart(turn, waiter)) beginAnew(turn);       // what was granted, or will be, may be the older one
    },
    [&](Starting starting) {
      if (!isOlder()) return nothing();
      if (waitForStart(turn, waiter)) enterStopping(turn, {starting.machine, starting.location}, StopReason::ROLLOUT, SIGKILL, Logs::KEEP);
    },
    [&](const Running&) {
      if (!isOlder()) return nothing();
      if (waitForStart(turn, waiter)) enterDraining(turn, StopReason::ROLLOUT, SIGTERM);
    },
    [&](const Draining& draining) { join(draining.reason); },
    [&](const Stopping& stopping) { join(stopping.reason); },
  }, Life(turn.state().life));
}

void onStop(Turn& turn, const Stop& message) {
  if (message.signal < 1 || message.signal > SIGRTMAX) {
    return turn.refuse(message.token, Fault::FAILED,
                       "signal " + std::to_string(message.signal) + ": allowed are 1 to " + std::to_string(SIGRTMAX));
  }
  auto wait = [&] { return waitForEnd(turn, turn.transient.stops, message.token); };
  std::visit(Match{
    [&](Stopped) {
      cancelRestart(turn);
      turn.reply(message.token, statusOf(turn.state()));
    },
    [&](const Placing&) {
      stopBeforePlaced(turn);
      turn.reply(message.token, statusOf(turn.state()));
    },
    [&](Starting starting) {     // it serves nobody yet, and may not even run: a signal could be lost
      if (!wait()) return;
      failStarts(turn, {FailureCode::STOPPED, "it was stopped while it was starting", {}, {}});
      enterStopping(turn, {starting.machine, starting.location}, StopReason::REQUESTED, SIGKILL, Logs::KEEP);
    },
    [&](const Running&) { if (wait()) enterDraining(turn, StopReason::REQUESTED, message.signal); },
    [&](Draining draining) {
      if (!wait()) return;
      draining.reason = requestedInstead(draining.reason);
      draining.signal = message.signal;
      if (draining != std::get<Draining>(turn.state().life)) turn.change().life = draining;
    },
    [&](Stopping stopping) {
      if (!wait()) return;
      stopping.reason = requestedInstead(stopping.reason);
      if (message.signal == SIGKILL && stopping.signal != SIGKILL) return killNow(turn, stopping);
      if (stopping != std::get<Stopping>(turn.state().life)) turn.change().life = stopping;
      turn.call(SignalInstance{turn.generation(), stopping.machine, message.signal});
    },
  }, Life(turn.state().life));
}

void onDestroy(Turn& turn, const Destroy& message) {
  if (!waitForEnd(turn, turn.transient.destroys, message.token)) return;
  std::visit(Match{
    [&](Stopped) {
      cancelRestart(turn);
      removeLogs(turn);
    },
    [&](const Placing&) {
      stopBeforePlaced(turn);
      removeLogs(turn);
    },
    [&](Starting starting) {
      failStarts(turn, {FailureCode::STOPPED, "it was destroyed while it was starting", {}, {}});
      enterStopping(turn, {starting.machine, starting.location}, StopReason::REQUESTED, SIGKILL, Logs::REMOVE);
    },
    [&](Running running) {
      recallAll(turn, running.gateways);
      enterStopping(turn, {running.machine, running.location}, StopReason::REQUESTED, SIGKILL, Logs::REMOVE);
    },
    [&](Draining draining) {
      enterStopping(turn, {draining.machine, draining.location}, StopReason::REQUESTED, SIGKILL, Logs::REMOVE);
    },
    [&](Stopping stopping) {
      stopping.reason = requestedInstead(stopping.reason);
      stopping.logs = Logs::REMOVE;
      killNow(turn, stopping);
    },
  }, Life(turn.state().life));
}

// The machine says that this generation is not there and never will be.
void onKillAnswered(Turn& turn, const KillAnswered& message) {
  auto found = turn.in<Stopping>(message.generation);
  if (!found || found->machine != message.machine || message.known == Known::YES) return;
  auto stopping = *found;
  conclude(turn, {Exit{stopping.reason, {}, {}, "its machine did not run it", turn.now}, {stopping.machine, stopping.location}, {},
                  afterStopping(turn, stopping.reason), stopping.logs});
}

void onRecalled(Turn& turn, const Recalled& message) {
  auto draining = turn.in<Draining>(message.generation);
  if (!draining) return;
  auto& returned = turn.transient.returned;
  if (std::find(returned.begin(), returned.end(), message.gateway) == returned.end()) returned.push_back(message.gateway);
  bool all = std::all_of(draining->gateways.begin(), draining->gateways.end(), [&](const GatewayId& gateway) {
    return std::find(returned.begin(), returned.end(), gateway) != returned.end();
  });
  if (all) onDrainDeadline(turn);
}

void onLogsRemoved(Turn& turn, const LogsRemoved& message) {
  auto& removing = turn.transient.removing;
  auto found = std::find(removing.begin(), removing.end(), message.machine);
  if (found == removing.end()) return;
  removing.erase(found);
  // A newer generation may have been sent there meanwhile, and write logs again.
  if (std::holds_alternative<Stopped>(turn.state().life) || statusOf(turn.state()).machine != message.machine) {
    auto& machines = turn.change().logMachines;
    machines.erase(std::remove(machines.begin(), machines.end(), message.machine), machines.end());
  }
  answerDestroys(turn);
}

void onDrainDeadline(Turn& turn) {
  auto draining = std::get<Draining>(turn.state().life);
  enterStopping(turn, {draining.machine, draining.location}, draining.reason, draining.signal, Logs::KEEP);
}

// Kills, and goes on killing: the alarm is the retry, so that it survives a crash.
void onKillDeadline(Turn& turn) {
  auto stopping = std::get<Stopping>(turn.state().life);
  if (stopping.signal != SIGKILL) return killNow(turn, stopping);
  auto again = doubled(turn.limits.killAgainFirst, ++turn.transient.kills, turn.limits.killAgainMax);
  std::get<Stopping>(turn.change().life).killAt = turn.now + again;
  turn.call(KillInstance{turn.generation(), stopping.machine});
}

void giveUpLogs(Turn& turn, const RemoveLogs& call, const std::string& fault) {
  auto& removing = turn.transient.removing;
  removing.erase(std::remove(removing.begin(), removing.end(), call.machine), removing.end());
  for (auto token: std::exchange(turn.transient.destroys, {})) {
    turn.refuse(token, Fault::DISCONNECTED, "its logs on machine " + call.machine.value() + " could not be removed: " + fault);
  }
}

}  // namespace meridian::supervisor
