// SimGateway: a gateway without sockets. It speaks to supervisors as schema/supervisor.capnp and gateway.capnp say: it asks for a
// lease, uses the endpoint for a while, reports its activity, and answers a recall when the last use has ended.
//
// Thread: the loop's. It dies with its process.
#pragma once

#include <kj/async.h>
#include <kj/one-of.h>

#include <map>
#include <vector>

#include "runtime/base/instance.h"
#include "runtime/rpc/peer.h"
#include "schema/gateway.capnp.h"
#include "schema/supervisor.capnp.h"
#include "sim/check/ledger.h"
#include "sim/world/process.h"

namespace meridian::sim {

// What the checkers are told of endpoints, in the moment it happens.
class GatewayWatcher {
 public:
  virtual void opened(const std::string& gateway, const class SimGateway& which) = 0;
  virtual void closed(const std::string& gateway) = 0;
  // `askedAt`: when the lease was asked for that led to this use.
  virtual void used(const std::string& gateway, const InstanceKey& key, const std::string& host, Duration askedAt) = 0;
  virtual void returned(const std::string& gateway, const InstanceKey& key) = 0;

 protected:
  ~GatewayWatcher() = default;
};

class SimGateway final: public schema::Gateway::Server, private kj::TaskSet::ErrorHandler {
 public:
  SimGateway(ProcessParts parts, Stage& stage, Ledger& ledger, GatewayWatcher& watcher, rpc::Peer& server);

  // Its process dies. A connection may hold on to it for a while.
  void die();

  // One HTTP request, so to say. Answers "served", or why not.
  kj::Promise<std::string> request(const ContainerId& container, Duration takes);
  // The same, and nobody waits.
  void send(const ContainerId& container, Duration takes);

  // Uses that the gateway may make now.
  uint32_t inFlight(const InstanceKey& key) const;

  kj::Promise<void> recall(RecallContext context) override;
  kj::Promise<void> routes(RoutesContext context) override { return kj::READY_NOW; }

 private:
  struct Endpoint {
    std::string host;
    Duration askedAt;
    Duration leaseLength;
    Duration end;                  // of the lease, counted from when we asked or reported
    Duration lastByte;
    uint32_t inFlight = 0;
    enum class Standing { LEASED, OVER } standing = Standing::LEASED;
    bool reporting = false;
    std::vector<kj::Own<kj::PromiseFulfiller<void>>> drained;
  };
  using Leased = kj::Promise<kj::OneOf<InstanceKey, kj::String>>;

  void taskFailed(kj::Exception&& exception) override;
  void spawn(kj::Promise<void> task);
  schema::Supervisor::Client supervisor(const ContainerId& container);
  kj::Maybe<InstanceKey> leased(const ContainerId& container) const;
  Leased ask(const ContainerId& container, int triesLeft);
  kj::Promise<std::string> use(const InstanceKey& key, Duration takes);
  kj::Promise<void> reportWhileBusy(InstanceKey key);
  kj::Promise<void> connect();

  static constexpr Duration REPORT_EVERY = std::chrono::seconds(1);

  std::string name_;
  Stage& stage_;
  SimClock& clock_;
  Ledger& ledger_;
  GatewayWatcher& watcher_;
  rpc::Peer& server_;
  std::map<InstanceKey, Endpoint> endpoints_;
  std::map<ContainerId, Generation> recalled_;     // an answer to an earlier lease() may come after it
  kj::Maybe<kj::TaskSet> tasks_;                   // none: dead
};

class GatewayProcess final: public SimRole {
 public:
  GatewayProcess(ProcessParts parts, Stage& stage, Ledger& ledger, GatewayWatcher& watcher);
  ~GatewayProcess() noexcept(false) { gateway_->die(); }

  rpc::Vat& vat() override { return vat_; }
  SimGateway& gateway() { return *gateway_; }

 private:
  rpc::Vat vat_;
  rpc::Peer server_;
  SimGateway* gateway_;              // owned by the vat
};

}  // namespace meridian::sim
