#include "sim/check/truth.h"

#include <csignal>

namespace meridian::sim {

void Truth::executed(const std::string& machine, const InstanceKey& key, const Resources& need, const std::string& host) {
  ++executions_;
  Resources used = need;
  for (auto& [other, alive]: alive_) {
    if (other.container == key.container) {
      stage_.verdict.wrong("never-two", toText(key) + " is executed on " + machine + " while " + toText(other) + " lives on " +
                                            alive.machine);
    }
    if (alive.machine == machine) used = used + alive.need;
  }
  if (!fits(used, capacity_)) stage_.verdict.wrong("oversold", "machine " + machine + " has no room for " + toText(key));
  auto& last = last_[key.container];
  if (key.generation <= last) {
    stage_.verdict.wrong("stale-generation", toText(key) + " is executed on " + machine + " after generation " +
                                                 std::to_string(last.value()));
  }
  last = std::max(last, key.generation);
  hosts_[key] = host;
  Alive alive{machine, need};
  requireBooked(key, alive);
  alive_.emplace(key, alive);
}

void Truth::requireBooked(const InstanceKey& key, const Alive& alive) const {
  if (books_.hasPermit(key) && books_.hasReservation(key, alive.machine)) return;
  stage_.verdict.wrong("unbooked", toText(key) + " lives on " + alive.machine + "; " + books_.describe());
}

void Truth::requireBooked() const {
  for (auto& [key, alive]: alive_) requireBooked(key, alive);
}

void Truth::ended(const std::string& machine, const InstanceKey& key, const Exit& exit) {
  alive_.erase(key);
  exits_[key] = exit;
}

// A kill asks nobody: it follows a request to destroy, a start that takes too long, or a grace period. A milder signal may overtake it.
void Truth::signalled(const std::string& machine, const InstanceKey& key, int32_t number) {
  if (number == SIGKILL) killed_.insert(key);
  auto state = books_.supervisorOf(key.container);
  auto stopping = std::get_if<supervisor::Stopping>(&state.life);
  if (killed_.contains(key) || (stopping && stopping->signal == SIGKILL)) return;
  for (auto& [name, gateway]: gateways_) {
    if (gateway->inFlight(key) == 0) continue;
    auto since = books_.drainsSince(key);
    auto serverNow = SimClock::EPOCH + stage_.time.now() + serverAhead_;
    if (since && *since + supervisor::Limits{}.drain <= serverNow) continue;
    stage_.verdict.wrong("recall", toText(key) + " is sent signal " + std::to_string(number) + " while " + name + " uses it");
  }
}

void Truth::requireExitsKnown() const {
  for (auto& [container, generation]: last_) {
    auto state = books_.supervisorOf(container);
    auto found = exits_.find({container, generation});
    if (found == exits_.end() || state.generation != generation || found->second.reason == StopReason::MACHINE_LOST) continue;
    auto& truth = found->second;
    if (state.lastExit && state.lastExit->code == truth.code && state.lastExit->signal == truth.signal) continue;
    stage_.verdict.wrong("exit-truth", toText(found->first) + " ended with code " + std::to_string(truth.code.value_or(-1)) +
                                           " and signal " + std::to_string(truth.signal.value_or(-1)) +
                                           "; its supervisor does not know");
  }
}

void Truth::opened(const std::string& gateway, const SimGateway& which) { gateways_[gateway] = &which; }

void Truth::closed(const std::string& gateway) {
  gateways_.erase(gateway);
  std::erase_if(returned_, [&](auto& entry) { return entry.first.first == gateway; });
}

void Truth::used(const std::string& gateway, const InstanceKey& key, const std::string& host, Duration askedAt) {
  auto found = hosts_.find(key);
  if (found == hosts_.end() || found->second != host) {
    stage_.verdict.wrong("endpoint", gateway + " was given " + host + " for " + toText(key) + ", which is not its address");
  }
  auto returnedAt = returned_.find({gateway, key});
  if (returnedAt != returned_.end() && returnedAt->second < askedAt) {
    stage_.verdict.wrong("endpoint", gateway + " was given " + toText(key) + " again after it had returned it");
  }
}

void Truth::returned(const std::string& gateway, const InstanceKey& key) {
  returned_.emplace(std::pair(gateway, key), stage_.time.now());
}

}  // namespace meridian::sim
