#include "sim/workload/gateway.h"

#include <kj/debug.h>

#include "runtime/actor/vocabulary.h"
#include "schema/global.capnp.h"
#include "sim/roles.h"

namespace meridian::sim {

using actor::text;

namespace {

constexpr Duration CONNECT_AGAIN = std::chrono::milliseconds(500);
constexpr int LEASE_TRIES = 4;           // when what was granted had been recalled meanwhile

}  // namespace

GatewayProcess::GatewayProcess(ProcessParts parts, Stage& stage, Ledger& ledger, GatewayWatcher& watcher)
    : vat_(parts.shard),
      server_(vat_, parts.clock, [&network = parts.network, &self = parts.name]() { return network.dial(self, SERVER); }) {
  auto gateway = kj::heap<SimGateway>(parts, stage, ledger, watcher, server_);
  gateway_ = gateway.get();
  vat_.offer(kj::str("gateway/", parts.name.c_str()), kj::mv(gateway));
}

SimGateway::SimGateway(ProcessParts parts, Stage& stage, Ledger& ledger, GatewayWatcher& watcher, rpc::Peer& server)
    : name_(parts.name), stage_(stage), clock_(parts.clock), ledger_(ledger), watcher_(watcher), server_(server), tasks_(nullptr) {
  tasks_.emplace(static_cast<kj::TaskSet::ErrorHandler&>(*this));
  watcher_.opened(name_, *this);
  spawn(kj::evalLater([this]() { return connect(); }));
}

void SimGateway::die() {
  tasks_ = nullptr;
  endpoints_.clear();
  watcher_.closed(name_);
}

void SimGateway::spawn(kj::Promise<void> task) {
  KJ_IF_MAYBE(tasks, tasks_) tasks->add(kj::mv(task));
}

// So that deploys tell it the routes.
kj::Promise<void> SimGateway::connect() {
  auto request = server_.actor("GlobalScheduler", "global").castAs<schema::GlobalScheduler>().addGatewayRequest();
  request.setGateway(name_);
  return request.send().ignoreResult().catch_([this](kj::Exception&&) {
    return clock_.after(CONNECT_AGAIN).then([this]() { return connect(); });
  });
}

void SimGateway::send(const ContainerId& container, Duration takes) {
  auto entry = ledger_.begin(name_, "request " + toText(container));
  spawn(request(container, takes).then([entry](std::string outcome) { entry->end(outcome); }));
}

kj::Promise<std::string> SimGateway::request(const ContainerId& container, Duration takes) {
  KJ_IF_MAYBE(key, leased(container)) return use(*key, takes);
  return ask(container, LEASE_TRIES).then([this, takes](kj::OneOf<InstanceKey, kj::String>&& answer) -> kj::Promise<std::string> {
    KJ_SWITCH_ONEOF(answer) {
      KJ_CASE_ONEOF(key, InstanceKey) return use(key, takes);
      KJ_CASE_ONEOF(failure, kj::String) return std::string(failure.cStr());
    }
    KJ_UNREACHABLE;
  });
}

kj::Maybe<InstanceKey> SimGateway::leased(const ContainerId& container) const {
  for (auto& [key, endpoint]: endpoints_) {
    bool live = endpoint.standing == Endpoint::Standing::LEASED && clock_.monotonic() < endpoint.end;
    if (key.container == container && live) return key;
  }
  return nullptr;
}

SimGateway::Leased SimGateway::ask(const ContainerId& container, int triesLeft) {
  auto request = supervisor(container).leaseRequest();
  request.setGateway(name_);
  auto askedAt = clock_.monotonic();
  return request.send().then(
      [this, container, askedAt, triesLeft](capnp::Response<schema::Supervisor::LeaseResults>&& response) -> Leased {
        auto outcome = response.getOutcome();
        if (outcome.isFailed()) return {kj::str(outcome.getFailed().getCode())};
        auto granted = outcome.getEndpoint();
        InstanceKey key{container, Generation(granted.getGeneration())};
        // The recall overtook the answer.
        auto recalled = recalled_.find(container);
        if (recalled != recalled_.end() && key.generation <= recalled->second) {
          watcher_.used(name_, key, text(granted.getHost()), askedAt);
          if (triesLeft == 0) return {kj::str("recalled")};
          return ask(container, triesLeft - 1);
        }
        auto& endpoint = endpoints_[key];
        endpoint.host = text(granted.getHost());
        endpoint.askedAt = askedAt;
        endpoint.leaseLength = actor::durationFromMs(granted.getLeaseMs());
        endpoint.end = std::max(endpoint.end, askedAt + endpoint.leaseLength);
        endpoint.standing = Endpoint::Standing::LEASED;
        endpoint.lastByte = clock_.monotonic();
        return {key};
      },
      [](kj::Exception&& error) -> Leased { return {kj::str("unreachable")}; });
}

kj::Promise<std::string> SimGateway::use(const InstanceKey& key, Duration takes) {
  auto& endpoint = endpoints_.at(key);
  watcher_.used(name_, key, endpoint.host, endpoint.askedAt);
  endpoint.inFlight++;
  if (!endpoint.reporting) {
    endpoint.reporting = true;
    spawn(reportWhileBusy(key));
  }
  return clock_.after(takes).then([this, key]() {
    auto& endpoint = endpoints_.at(key);
    endpoint.inFlight--;
    endpoint.lastByte = clock_.monotonic();
    if (endpoint.inFlight == 0) {
      for (auto& fulfiller: endpoint.drained) fulfiller->fulfill();
      endpoint.drained.clear();
    }
    return std::string("served");
  });
}

kj::Promise<void> SimGateway::reportWhileBusy(InstanceKey key) {
  return clock_.after(REPORT_EVERY).then([this, key]() -> kj::Promise<void> {
    auto& endpoint = endpoints_.at(key);
    if (endpoint.standing == Endpoint::Standing::OVER) {
      endpoint.reporting = false;
      return kj::READY_NOW;
    }
    auto request = supervisor(key.container).reportRequest();
    request.setGateway(name_);
    request.setGeneration(key.generation.value());
    request.setInFlight(endpoint.inFlight);
    request.setIdleMs(endpoint.inFlight > 0 ? 0 : toMs(clock_.monotonic() - endpoint.lastByte));
    bool last = endpoint.inFlight == 0;
    auto sentAt = clock_.monotonic();
    return request.send()
        .then([this, key, sentAt](capnp::Response<schema::Supervisor::ReportResults>&& response) {
          auto& endpoint = endpoints_.at(key);
          if (!response.getValid()) {
            endpoint.standing = Endpoint::Standing::OVER;
          } else {
            endpoint.end = std::max(endpoint.end, sentAt + endpoint.leaseLength);
          }
        }, [](kj::Exception&&) {})
        .then([this, key, last]() -> kj::Promise<void> {
          auto& endpoint = endpoints_.at(key);
          if (!last || endpoint.inFlight > 0) return reportWhileBusy(key);
          endpoint.reporting = false;
          return kj::READY_NOW;
        });
  });
}

uint32_t SimGateway::inFlight(const InstanceKey& key) const {
  auto found = endpoints_.find(key);
  if (found == endpoints_.end() || clock_.monotonic() >= found->second.end) return 0;
  return found->second.inFlight;
}

kj::Promise<void> SimGateway::recall(RecallContext context) {
  auto key = actor::read(context.getParams().getKey());
  auto& recalled = recalled_[key.container];
  recalled = std::max(recalled, key.generation);
  auto found = endpoints_.find(key);
  kj::Promise<void> drained = kj::READY_NOW;
  if (found != endpoints_.end()) {
    found->second.standing = Endpoint::Standing::OVER;
    if (found->second.inFlight > 0) {
      auto paf = kj::newPromiseAndFulfiller<void>();
      found->second.drained.push_back(kj::mv(paf.fulfiller));
      drained = kj::mv(paf.promise);
    }
  }
  return drained.then([this, key]() {
    if (tasks_ != nullptr) watcher_.returned(name_, key);
  });
}

schema::Supervisor::Client SimGateway::supervisor(const ContainerId& container) {
  return server_.actor("Supervisor", toText(container).c_str()).castAs<schema::Supervisor>();
}

void SimGateway::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "the gateway's task failed", exception); }

}  // namespace meridian::sim
