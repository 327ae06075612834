// LifeWorld: one server and one agent with the shipped actors on the shipped host, each with its own store, and an embedding program
// that offers a driver and a gateway. Time and commits move only when the test says so.
#pragma once

#include <kj/async.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "schema/class.capnp.h"
#include "schema/driver.capnp.h"
#include "schema/gateway.capnp.h"
#include "schema/location.capnp.h"
#include "schema/machine.capnp.h"
#include "schema/supervisor.capnp.h"
#include "sim/world/clock.h"
#include "sim/world/store.h"

namespace meridian::life {

class LifeWorld;

// A port for a loop that nothing outside can rouse.
class ClosedPort final: public kj::EventPort {
 public:
  bool wait() override { KJ_FAIL_ASSERT("the test waits for what cannot happen"); }
  bool poll() override { return false; }
  void wake() const override {}
};

// Instances that start at once, and end when they are told to.
class FakeDriver final: public schema::Driver::Server {
 public:
  explicit FakeDriver(LifeWorld& world): world_(world) {}

  kj::Promise<void> launch(LaunchContext context) override;
  kj::Promise<void> signal(SignalContext context) override;
  kj::Promise<void> kill(KillContext context) override;
  kj::Promise<void> list(ListContext context) override;
  kj::Promise<void> acknowledge(AcknowledgeContext context) override;
  kj::Promise<void> removeLogs(RemoveLogsContext context) override;

  kj::Promise<void> exit(std::string name, schema::StopReason reason, int32_t code, int32_t signal);

  // By `class/id#generation`; an exit that is not acknowledged has its reason.
  std::map<std::string, schema::StopReason> instances;
  size_t launches = 0, logRemovals = 0;
  bool readies = true;

 private:
  kj::Promise<void> tellStarted(schema::InstanceKey::Reader key);

  LifeWorld& world_;
};

class FakeGateway final: public schema::Gateway::Server {
 public:
  kj::Promise<void> recall(RecallContext) override { ++recalls; return kj::READY_NOW; }
  size_t recalls = 0;
};

// A process with one role.
class Role {
 public:
  using MakeKinds = std::function<std::vector<actor::ActorKind>()>;

  Role(LifeWorld& world, MakeKinds kinds): world_(world), kinds_(std::move(kinds)) {}

  void start();
  void disconnect();
  void stop();
  sim::SimStore& store() { return *store_; }
  actor::Host& host() { return *host_; }
  rpc::Vat& vat() { return *vat_; }
  rpc::Peer& fromEmbedder() { return *fromEmbedder_; }

  // Actors of `kind` live there.
  void route(kj::StringPtr kind, Role& other);

 private:
  LifeWorld& world_;
  MakeKinds kinds_;
  sim::SimDisk disk_;
  kj::Own<sim::SimStore> store_;
  kj::Own<actor::Shard> shard_;
  kj::Own<rpc::RoleDirectory> directory_;
  kj::Own<actor::Host> host_;
  kj::Own<rpc::Vat> vat_;
  std::vector<kj::Own<rpc::Peer>> peers_;
  kj::Own<rpc::Peer> fromEmbedder_;
};

class LifeWorld {
 public:
  LifeWorld();
  ~LifeWorld() noexcept(false);

  template <typename Interface>
  typename Interface::Client actor(Role& role, kj::StringPtr name) {
    return role.fromEmbedder().actor(actor::kindOf<Interface>().c_str(), name).template castAs<Interface>();
  }
  schema::Supervisor::Client supervisor(const std::string& name) { return actor<schema::Supervisor>(server, name.c_str()); }
  schema::Machine::Client machine() { return actor<schema::Machine>(agent, "m1"); }

  // Everything is done and committed as long as it takes, within some simulated seconds. Throws what the promise throws.
  template <typename T>
  T finish(kj::Promise<T>&& promise);

  void settle() { waitScope_.poll(); }
  bool commit();
  void commitAll();
  void advance(Duration by);

  // The process dies and what is not durable is lost; a new one starts on the same disk. The other role restarts with it in good order.
  void crash(Role& role);
  uint64_t batches() { return server.store().counters().batches + agent.store().counters().batches; }

 private:
  friend class Role;
  void start();
  void stop();

  ClosedPort port_;
  kj::EventLoop loop_;
  kj::WaitScope waitScope_;
  actor::ActorSystem system_;
  sim::SimTime time_;
  sim::SimClock clock_;
  kj::Own<actor::Shard> embedderShard_;
  kj::Own<rpc::Vat> embedder_;

 public:
  Role server, agent;
  FakeDriver* driver;
  FakeGateway* gateway;
  schema::Driver::Client driverClient;
  schema::Gateway::Client gatewayClient;
};

template <typename T>
T LifeWorld::finish(kj::Promise<T>&& promise) {
  kj::Maybe<T> value;
  kj::Maybe<kj::Exception> error;
  auto watching = promise.then([&](T&& v) { value = kj::mv(v); }, [&](kj::Exception&& e) { error = kj::mv(e); })
                      .eagerlyEvaluate(nullptr);
  for (int round = 0; round < 1000 && value == nullptr && error == nullptr; ++round) {
    settle();
    if (value == nullptr && error == nullptr && !commit()) advance(std::chrono::milliseconds(100));
  }
  KJ_IF_MAYBE(e, error) kj::throwFatalException(kj::mv(*e));
  return kj::mv(KJ_REQUIRE_NONNULL(value, "it was not answered"));
}

}  // namespace meridian::life
