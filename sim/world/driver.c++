#include "sim/world/driver.h"

#include <kj/debug.h>

#include "runtime/actor/vocabulary.h"

namespace meridian::sim {

using actor::read;
using actor::write;

SimDriver::SimDriver(SimMachine& machine, SimClock& clock, schema::Machine::Client agent)
    : machine_(machine), clock_(clock), agent_(kj::mv(agent)), tasks_(nullptr) {
  tasks_.emplace(static_cast<kj::TaskSet::ErrorHandler&>(*this));
  machine_.listen(*this);
  for (auto& [key, instance]: machine_.instances()) {
    if (instance.exit) {
      tellExited(key, *instance.exit);
      continue;
    }
    tellStarted(key, instance.startedAt);
    if (instance.ready) tellReady(key, instance.host);
  }
}

void SimDriver::die() {
  machine_.hangUp();
  tasks_ = nullptr;
}

void SimDriver::spawn(kj::Promise<void> task) {
  KJ_IF_MAYBE(tasks, tasks_) tasks->add(kj::mv(task));
}

kj::Promise<void> SimDriver::launch(LaunchContext context) {
  auto spec = context.getParams().getSpec();
  auto key = read(spec.getKey());
  if (find(key) != nullptr || failed_.contains(key)) return kj::READY_NOW;
  auto found = launching_.find(key);
  if (found != launching_.end()) return found->second.addBranch();
  auto need = read(spec.getSpec().getResources());
  auto within = actor::durationFromMs(spec.getTimeoutMs());
  auto takes = machine_.preparation();
  auto launched = clock_.after(takes).then([this, key, need, left = within - takes]() {
    if (tasks_ == nullptr) return;
    launching_.erase(key);
    execute(key, need, left);
  });
  return launching_.emplace(key, launched.fork()).first->second.addBranch();
}

void SimDriver::execute(const InstanceKey& key, const Resources& need, Duration readyWithin) {
  if (machine_.execFails()) return fail(key, "no such program");
  if (!machine_.launch(key, need)) return fail(key, "a later generation was here");
  tellStarted(key, find(key)->startedAt);
  watchReadiness(key, readyWithin);
}

void SimDriver::fail(const InstanceKey& key, const std::string& why) {
  Exit exit{StopReason::EXEC_FAILED, {}, {}, why, clock_.now()};
  failed_.emplace(key, exit);
  tellExited(key, exit);
}

void SimDriver::watchReadiness(const InstanceKey& key, Duration within) {
  spawn(clock_.after(std::max(within, Duration::zero())).then([this, key]() {
    auto instance = find(key);
    if (instance == nullptr || instance->ready || instance->exit) return;
    timedOut_.insert(key);
    machine_.kill(key);
  }));
}

kj::Promise<void> SimDriver::signal(SignalContext context) {
  auto params = context.getParams();
  machine_.signal(read(params.getKey()), params.getNumber());
  return kj::READY_NOW;
}

kj::Promise<void> SimDriver::kill(KillContext context) {
  machine_.kill(read(context.getParams().getKey()));
  return kj::READY_NOW;
}

kj::Promise<void> SimDriver::list(ListContext context) {
  auto& instances = machine_.instances();
  auto list = context.getResults().initInstances(instances.size() + failed_.size() + launching_.size());
  uint32_t i = 0;
  for (auto& [key, instance]: instances) {
    auto report = list[i++];
    write(report.initKey(), key);
    report.setStartedAtNs(toNs(instance.startedAt));
    report.setReady(instance.ready);
    report.setHost(instance.host);
    if (instance.exit) write(report.initExit(), *instance.exit);
  }
  for (auto& [key, exit]: failed_) {
    auto report = list[i++];
    write(report.initKey(), key);
    write(report.initExit(), exit);
  }
  for (auto& [key, launched]: launching_) write(list[i++].initKey(), key);
  return kj::READY_NOW;
}

kj::Promise<void> SimDriver::acknowledge(AcknowledgeContext context) {
  auto key = read(context.getParams().getKey());
  failed_.erase(key);
  timedOut_.erase(key);
  machine_.acknowledge(key);
  return kj::READY_NOW;
}

const SimMachine::Instance* SimDriver::find(const InstanceKey& key) const {
  auto found = machine_.instances().find(key);
  return found == machine_.instances().end() ? nullptr : &found->second;
}

// ---------------------------------------------------------------------------------------
// Facts

void SimDriver::instanceReady(const InstanceKey& key, const std::string& host) { tellReady(key, host); }

void SimDriver::instanceExited(const InstanceKey& key, const Exit& exit) {
  auto told = exit;
  if (timedOut_.contains(key) && exit.reason == StopReason::SIGNALLED) told.reason = StopReason::START_TIMEOUT;
  tellExited(key, told);
}

void SimDriver::tellStarted(const InstanceKey& key, Instant at) {
  tell(key, [this, key, at]() {
    auto request = agent_.driverStartedRequest();
    write(request.initKey(), key);
    request.setStartedAtNs(toNs(at));
    return request.send().ignoreResult();
  });
}

void SimDriver::tellReady(const InstanceKey& key, const std::string& host) {
  tell(key, [this, key, host]() {
    auto request = agent_.driverReadyRequest();
    write(request.initKey(), key);
    request.setHost(host);
    return request.send().ignoreResult();
  });
}

void SimDriver::tellExited(const InstanceKey& key, const Exit& exit) {
  tell(key, [this, key, exit]() {
    auto request = agent_.driverExitedRequest();
    write(request.initKey(), key);
    write(request.initExit(), exit);
    return request.send().ignoreResult();
  });
}

void SimDriver::tell(const InstanceKey& key, Fact fact) {
  auto [queue, isNew] = facts_.try_emplace(key);
  queue->second.push_back(kj::mv(fact));
  // In an event of its own: the shim may be telling from anywhere, and a new driver is not yet served.
  if (isNew) spawn(kj::evalLater([this, key]() { return tellAll(key); }));
}

kj::Promise<void> SimDriver::tellAll(const InstanceKey& key) {
  return tellFirst(key, RETRY_FIRST).then([this, key]() -> kj::Promise<void> {
    auto& queue = facts_.at(key);
    queue.pop_front();
    if (!queue.empty()) return tellAll(key);
    facts_.erase(key);
    return kj::READY_NOW;
  });
}

kj::Promise<void> SimDriver::tellFirst(const InstanceKey& key, Duration pause) {
  return facts_.at(key).front()().catch_([this, key, pause](kj::Exception&&) {
    return clock_.after(pause).then([this, key, pause]() { return tellFirst(key, std::min(pause * 2, RETRY_MAX)); });
  });
}

void SimDriver::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "the driver's task failed", exception); }

}  // namespace meridian::sim
