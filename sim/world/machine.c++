#include "sim/world/machine.h"

#include <csignal>

#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;

SimMachine::SimMachine(std::string name, Stage& stage, Random random, MachineWatcher& watcher)
    : name_(std::move(name)), stage_(stage), random_(random), watcher_(watcher) {}

Duration SimMachine::preparation() {
  return chance(random_, mood_.slowRate) ? span(random_, 100ms, mood_.slowMax) : span(random_, 500us, 5ms);
}

bool SimMachine::execFails() { return chance(random_, mood_.execFailRate); }

bool SimMachine::launch(const InstanceKey& key, const Resources& need) {
  auto& last = last_[key.container];
  if (key.generation <= last) {
    stage_.say(name_, "refuses " + toText(key));
    return false;
  }
  last = key.generation;
  Instance instance;
  instance.need = need;
  instance.startedAt = now();
  instance.host = "10.0." + name_ + "." + std::to_string(++lastAddress_);
  instance.obeysTerm = !chance(random_, mood_.ignoresTermRate);
  auto startedAt = instance.startedAt;
  auto host = instance.host;
  instances_.insert_or_assign(key, instance);
  stage_.say(name_, "executes " + toText(key));
  watcher_.executed(name_, key, need, host);

  if (!chance(random_, mood_.neverReadyRate)) {
    auto takes = chance(random_, mood_.slowRate) ? span(random_, 100ms, mood_.slowMax) : span(random_, 1ms, 50ms);
    stage_.after(takes, [this, key, startedAt]() { becomeReady(key, startedAt); });
  }
  if (chance(random_, mood_.ownExitRate)) {
    Exit exit;
    if (chance(random_, 0.7)) {
      exit = {StopReason::EXITED, static_cast<int32_t>(number(random_, 0, 3)), {}, "", {}};
    } else {
      exit = {StopReason::OOM, {}, SIGKILL, "", {}};
    }
    stage_.after(span(random_, 1ms, mood_.ownExitMax), [this, key, startedAt, exit]() { end(key, startedAt, exit); });
  }
  return true;
}

SimMachine::Instance* SimMachine::alive(const InstanceKey& key, Instant startedAt) {
  auto found = instances_.find(key);
  if (found == instances_.end() || found->second.exit || found->second.startedAt != startedAt) return nullptr;
  return &found->second;
}

void SimMachine::becomeReady(const InstanceKey& key, Instant startedAt) {
  auto instance = alive(key, startedAt);
  if (instance == nullptr) return;
  instance->ready = true;
  stage_.say(name_, "ready " + toText(key));
  KJ_IF_MAYBE(listener, listener_) listener->instanceReady(key, instance->host);
}

void SimMachine::signal(const InstanceKey& key, int32_t number) {
  if (number == SIGKILL) return kill(key);
  auto found = instances_.find(key);
  if (found == instances_.end() || found->second.exit) return;
  stage_.say(name_, "signal " + std::to_string(number) + " to " + toText(key));
  watcher_.signalled(name_, key, number);
  if (found->second.obeysTerm) endSoon(key, found->second, {StopReason::EXITED, 0, {}, "", {}});
}

void SimMachine::kill(const InstanceKey& key) {
  auto found = instances_.find(key);
  if (found == instances_.end() || found->second.exit) return;
  stage_.say(name_, "kill " + toText(key));
  watcher_.signalled(name_, key, SIGKILL);
  endSoon(key, found->second, {StopReason::SIGNALLED, {}, SIGKILL, "", {}});
}

void SimMachine::endSoon(const InstanceKey& key, Instance& instance, Exit exit) {
  auto takes = chance(random_, mood_.slowRate) ? span(random_, 100ms, mood_.slowMax) : span(random_, 1ms, 100ms);
  stage_.after(takes, [this, key, startedAt = instance.startedAt, exit]() { end(key, startedAt, exit); });
}

void SimMachine::end(const InstanceKey& key, Instant startedAt, Exit exit) {
  auto instance = alive(key, startedAt);
  if (instance == nullptr) return;
  exit.at = now();
  instance->exit = exit;
  stage_.say(name_, "exit " + toText(key) + " " + toText(exit.reason));
  watcher_.ended(name_, key, exit);
  KJ_IF_MAYBE(listener, listener_) listener->instanceExited(key, exit);
}

void SimMachine::acknowledge(const InstanceKey& key) {
  auto found = instances_.find(key);
  if (found == instances_.end() || !found->second.exit) return;
  instances_.erase(found);
}

void SimMachine::reboot() {
  stage_.say(name_, "reboots");
  for (auto& [key, instance]: instances_) {
    watcher_.ended(name_, key, {StopReason::MACHINE_LOST, {}, {}, "", now()});
  }
  instances_.clear();
}

}  // namespace meridian::sim
