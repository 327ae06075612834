#include "runtime/container/fact-teller.h"

#include <kj/debug.h>

#include <algorithm>

#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::container {

void FactTeller::setMachine(schema::Machine::Client machine) {
  bool first = machine_ == nullptr;
  machine_ = kj::mv(machine);
  if (!first) return;
  for (auto& [key, facts]: queues_) begin(key);
}

void FactTeller::tell(const InstanceKey& key, Fact fact) {
  auto [queue, isNew] = queues_.try_emplace(key);
  queue->second.push_back(kj::mv(fact));
  if (isNew && machine_ != nullptr) begin(key);
}

void FactTeller::begin(const InstanceKey& key) { telling_.add(tellAll(key)); }

kj::Promise<void> FactTeller::tellAll(const InstanceKey& key) {
  return tellFirst(key, RETRY_FIRST).then([this, key]() -> kj::Promise<void> {
    auto& facts = queues_.at(key);
    facts.pop_front();
    if (!facts.empty()) return tellAll(key);
    queues_.erase(key);
    return kj::READY_NOW;
  });
}

kj::Promise<void> FactTeller::tellFirst(const InstanceKey& key, kj::Duration delay) {
  return kj::evalNow([&] { return send(key, queues_.at(key).front()); })
      .catch_([this, key, delay](kj::Exception&&) {
        return timer_.afterDelay(delay).then(
            [this, key, delay] { return tellFirst(key, std::min(delay * 2, RETRY_MAX)); });
      });
}

kj::Promise<void> FactTeller::send(const InstanceKey& key, const Fact& fact) {
  auto& machine = KJ_ASSERT_NONNULL(machine_);
  return std::visit(Match{[&](const StartedFact& started) -> kj::Promise<void> {
                            auto request = machine.driverStartedRequest();
                            actor::write(request.initKey(), key);
                            request.setStartedAtNs(toNs(started.at));
                            return request.send().ignoreResult();
                          },
                          [&](const ReadyFact& ready) -> kj::Promise<void> {
                            auto request = machine.driverReadyRequest();
                            actor::write(request.initKey(), key);
                            request.setHost(ready.host.c_str());
                            return request.send().ignoreResult();
                          },
                          [&](const ExitedFact& exited) -> kj::Promise<void> {
                            auto request = machine.driverExitedRequest();
                            actor::write(request.initKey(), key);
                            actor::write(request.initExit(), exited.exit);
                            return request.send().ignoreResult();
                          }},
                    fact);
}

void FactTeller::taskFailed(kj::Exception&& error) {
  KJ_LOG(ERROR, "a fact could not be told", error);
}

}  // namespace meridian::container
