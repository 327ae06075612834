#include "actors/supervisor/lease.h"

#include <algorithm>
#include <csignal>

#include "actors/supervisor/stop.h"

namespace meridian::supervisor {

namespace {

struct Quiet {
  Instant since;                        // the last activity
  std::optional<Instant> busyUntil;     // somebody may be sending bytes now
  std::vector<GatewayId> holders;       // whose lease has not ended
};

Quiet quietness(const Turn& turn, const Running& running, Duration sleepAfter) {
  auto& transient = turn.transient;
  Quiet quiet{std::max(transient.loadedAt, transient.touchedAt), {}, {}};
  auto busyUntil = [&](Instant until) { quiet.busyUntil = std::max(quiet.busyUntil.value_or(until), until); };
  for (auto& gateway: running.gateways) {
    auto found = transient.gateways.find(gateway);
    auto heardAt = found == transient.gateways.end() ? transient.loadedAt : found->second.heardAt;
    auto live = turn.now < heardAt + turn.limits.lease;
    if (live) quiet.holders.push_back(gateway);
    if (found == transient.gateways.end()) {
      if (live) busyUntil(heardAt + turn.limits.lease);
    } else {
      quiet.since = std::max(quiet.since, found->second.activeAt);
      if (live && found->second.inFlight > 0) busyUntil(turn.now + sleepAfter);
    }
  }
  return quiet;
}

}  // namespace

void grantLease(Turn& turn, CallToken token, const GatewayId& gateway) {
  auto& spec = *turn.state().spec;
  if (!spec.port) {
    return turn.reply(token, StartFailure{FailureCode::START_FAILED, "its class has no default_port, so it takes no requests", {}, {}});
  }
  auto& running = std::get<Running>(turn.state().life);
  if (std::find(running.gateways.begin(), running.gateways.end(), gateway) == running.gateways.end()) {
    if (running.gateways.size() >= turn.limits.gatewaysMax) {
      return turn.refuse(token, Fault::OVERLOADED,
                         std::to_string(turn.limits.gatewaysMax) + " gateways hold a lease already; that is the limit");
    }
    std::get<Running>(turn.change().life).gateways.push_back(gateway);
  }
  auto& activity = turn.transient.gateways[gateway];
  activity.heardAt = activity.activeAt = turn.now;
  turn.reply(token, Endpoint{turn.generation(), std::get<Running>(turn.state().life).host, *turn.state().spec->port, turn.limits.lease});
}

void onReport(Turn& turn, const Report& message) {
  auto running = turn.in<Running>(message.generation);
  if (!running || std::find(running->gateways.begin(), running->gateways.end(), message.gateway) == running->gateways.end()) {
    return turn.reply(message.token, LeaseValidity::OVER);
  }
  turn.transient.gateways[message.gateway] = {turn.now, turn.now - message.idle, message.inFlight};
  turn.reply(message.token, LeaseValidity::VALID);
}

void onIdleCheck(Turn& turn) {
  auto sleepAfter = std::max(turn.state().spec->sleepAfter, turn.limits.sleepAfterMin);
  auto quiet = quietness(turn, std::get<Running>(turn.state().life), sleepAfter);
  auto sleepAt = quiet.since + sleepAfter;
  if (!quiet.busyUntil && sleepAt <= turn.now) return enterDraining(turn, StopReason::IDLE, SIGTERM);

  auto& running = std::get<Running>(turn.change().life);
  running.idleCheckAt = std::max(quiet.busyUntil.value_or(sleepAt), sleepAt);
  running.gateways = std::move(quiet.holders);
}

}  // namespace meridian::supervisor
