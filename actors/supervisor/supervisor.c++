#include "actors/supervisor/supervisor.h"

#include <algorithm>
#include <csignal>

#include "actors/supervisor/lease.h"
#include "actors/supervisor/start.h"
#include "actors/supervisor/stop.h"
#include "actors/supervisor/turn.h"
#include "runtime/base/match.h"

namespace meridian::supervisor {

namespace {

void onInstanceHealth(Turn& turn, const InstanceHealth& message) {
  turn.reply(message.token, Acknowledged{});
  auto found = turn.in<Running>(message.generation);
  if (!found || found->machine != message.machine || found->health == message.health) return;
  auto running = *found;
  running.health = message.health;
  turn.enter(running, "machine=" + running.machine.value());
}

// Once false for a generation it is so for ever: no ended generation begins again.
void onAskHolds(Turn& turn, const AskHolds& message) {
  bool live = message.generation == turn.generation() && !std::holds_alternative<Stopped>(turn.state().life);
  turn.reply(message.token, live ? Holding::YES : Holding::NO);
}

void onAskWhy(Turn& turn, const AskWhy& message) {
  auto& underWay = turn.transient.chain.decisions;
  turn.reply(message.token, Reasons{underWay.empty() ? turn.state().decisions : underWay});
}

void onFindForExec(Turn& turn, const FindForExec& message) {
  auto running = std::get_if<Running>(&turn.state().life);
  if (!running) {
    return turn.refuse(message.token, Fault::FAILED, std::string("it does not run: it is ") + toText(nameOf(turn.state().life)));
  }
  turn.transient.touchedAt = turn.now;
  turn.reply(message.token, Whereabouts{turn.generation(), running->machine});
}

void onFindForLogs(Turn& turn, const FindForLogs& message) {
  auto& machines = turn.state().logMachines;
  if (machines.empty()) return turn.refuse(message.token, Fault::FAILED, "it has no logs");
  turn.reply(message.token, Whereabouts{turn.generation(), machines.back()});
}

// Whether a call that failed is still worth repeating.
bool wanted(const Turn& turn, const Attempt& attempt) {
  return std::visit(Match{
    [&](const Acquire& call) { return underWay(turn, call.generation, Chain::Step::ACQUIRE); },
    [&](const Place& call) { return underWay(turn, call.generation, Chain::Step::PLACE); },
    [&](const Reserve& call) {
      return underWay(turn, call.generation, Chain::Step::RESERVE) && call.location == turn.transient.chain.location;
    },
    [&](const StartInstance& call) {
      auto starting = turn.in<Starting>(call.generation);
      return starting && starting->machine == call.machine && turn.transient.chain.step == Chain::Step::START;
    },
    [&](const SignalInstance& call) {
      auto stopping = turn.in<Stopping>(call.generation);
      return stopping && stopping->signal != SIGKILL;
    },
    [&](const KillInstance&) { return false; },              // the alarm repeats it
    [&](const Recall& call) {
      auto& returned = turn.transient.returned;
      return turn.in<Draining>(call.generation) && std::find(returned.begin(), returned.end(), call.gateway) == returned.end();
    },
    [&](const ReleasePermit&) { return attempt.attempt < turn.limits.releaseTriesMax; },
    [&](const ReleaseReservation&) { return attempt.attempt < turn.limits.releaseTriesMax; },
    [&](const RemoveLogs& call) {
      // Once the ID has been started again a late removal could take the new instance's lines.
      return attempt.attempt < turn.limits.releaseTriesMax && std::holds_alternative<Stopped>(turn.state().life);
    },
  }, attempt.call);
}

void giveUp(Turn& turn, const Attempt& attempt, const std::string& fault) {
  if (auto logs = std::get_if<RemoveLogs>(&attempt.call)) giveUpLogs(turn, *logs, fault);
}

void onCallFailed(Turn& turn, const CallFailed& message, Random& random) {
  auto attempt = message.attempt;
  if (!wanted(turn, attempt)) return giveUp(turn, attempt, message.fault);
  turn.transient.chain.fault = message.fault;
  auto half = doubled(turn.limits.retryFirst, attempt.attempt, turn.limits.retryMax) / 2;
  auto jitter = Duration(random.below(half.count() + 1));
  ++attempt.attempt;
  turn.effect(RetryAfter{half + jitter, std::move(attempt)});
}

void onRetryDue(Turn& turn, const RetryDue& message) {
  if (!wanted(turn, message.attempt)) return giveUp(turn, message.attempt, "it was started again");
  turn.effect(Perform{message.attempt});
}

void onAlarmDue(Turn& turn) {
  auto due = alarmAt(turn.state(), turn.limits);
  if (!due || turn.now < *due) return;                       // an old one that fired late
  std::visit(Match{
    [&](Stopped) { beginStart(turn, Cause::POLICY); },
    [&](const Placing&) { onPlacingDeadline(turn); },
    [&](const Starting&) { onStartDeadline(turn); },
    [&](const Running&) { onIdleCheck(turn); },
    [&](const Draining&) { onDrainDeadline(turn); },
    [&](const Stopping&) { onKillDeadline(turn); },
  }, turn.state().life);
}

}  // namespace

Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits) {
  Turn turn(state, std::move(transient), now, limits);
  std::visit(Match{
    [&](const Lease& m) { onLease(turn, m); },
    [&](const Report& m) { onReport(turn, m); },
    [&](const InstanceStarted& m) { onInstanceStarted(turn, m); },
    [&](const InstanceReady& m) { onInstanceReady(turn, m); },
    [&](const InstanceHealth& m) { onInstanceHealth(turn, m); },
    [&](const InstanceExited& m) { onInstanceExited(turn, m); },
    [&](const AskHolds& m) { onAskHolds(turn, m); },
    [&](const Rollout& m) { onRollout(turn, m); },
    [&](const AskWhy& m) { onAskWhy(turn, m); },
    [&](const Start& m) { onStart(turn, m); },
    [&](const AskStatus& m) { turn.reply(m.token, statusOf(turn.state())); },
    [&](const Stop& m) { onStop(turn, m); },
    [&](const Destroy& m) { onDestroy(turn, m); },
    [&](const FindForExec& m) { onFindForExec(turn, m); },
    [&](const FindForLogs& m) { onFindForLogs(turn, m); },
    [&](const Granted& m) { onGranted(turn, m); },
    [&](const ClassFull& m) { onClassFull(turn, m); },
    [&](const ClassUnknown& m) { onClassUnknown(turn, m); },
    [&](const Placed& m) { onPlaced(turn, m); },
    [&](const Reserved& m) { onReserved(turn, m); },
    [&](const Accepted& m) { onAccepted(turn, m); },
    [&](const Refused& m) { onRefused(turn, m); },
    [&](const KillAnswered& m) { onKillAnswered(turn, m); },
    [&](const Recalled& m) { onRecalled(turn, m); },
    [&](const LogsRemoved& m) { onLogsRemoved(turn, m); },
    [&](const CallFailed& m) { onCallFailed(turn, m, random); },
    [&](const RetryDue& m) { onRetryDue(turn, m); },
    [&](const AlarmDue&) { onAlarmDue(turn); },
  }, message);
  return std::move(turn).finish();
}

Step resume(const State& state, Instant now, const Limits& limits) {
  Transient empty;
  empty.loadedAt = now;
  Turn turn(state, std::move(empty), now, limits);
  auto& chain = turn.transient.chain;
  std::visit(Match{
    [&](const Stopped&) {},
    [&](const Placing& placing) {
      chain.step = Chain::Step::ACQUIRE;
      chain.avoidMachines = placing.avoid;
      turn.call(Acquire{state.generation});
    },
    [&](const Starting& starting) {
      chain.step = Chain::Step::START;
      chain.location = starting.location;
      turn.call(startCall(state, starting));
    },
    [&](const Running&) {},                                  // the machine tells what it must know; the alarm is set
    [&](const Draining& draining) {
      for (auto& gateway: draining.gateways) turn.call(Recall{state.generation, gateway});
    },
    [&](const Stopping& stopping) {
      if (stopping.signal == SIGKILL) {
        turn.call(KillInstance{state.generation, stopping.machine});
      } else if (now < stopping.killAt) {
        turn.call(SignalInstance{state.generation, stopping.machine, stopping.signal});
      }
    },
  }, state.life);
  return std::move(turn).finish();
}

void apply(State& state, const Change& change) { state = change; }

std::optional<Instant> alarmAt(const State& state, const Limits&) {
  return std::visit(Match{
    [](const Stopped& stopped) { return stopped.restartAt; },
    [](const Placing& placing) { return std::optional(placing.deadline); },
    [](const Starting& starting) { return std::optional(starting.deadline); },
    [](const Running& running) { return std::optional(running.idleCheckAt); },
    [](const Draining& draining) { return std::optional(draining.deadline); },
    [](const Stopping& stopping) { return std::optional(stopping.killAt); },
  }, state.life);
}

bool resting(const State& state, const Transient& transient) {
  return std::holds_alternative<Stopped>(state.life) && transient.removing.empty();
}

}  // namespace meridian::supervisor
