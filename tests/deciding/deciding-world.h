// DecidingWorld: class, location, global scheduler and application on a real host over a simulated store, as a server runs them, and
// an embedding program that is both client and gateway. Supervisors are a toy: they say what the test tells them.
#pragma once

#include <kj/async-io.h>

#include <map>
#include <set>
#include <string>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "schema/application.capnp.h"
#include "schema/gateway.capnp.h"
#include "sim/world/clock.h"
#include "sim/world/store.h"

namespace meridian::deciding {

// A port for a loop that nothing outside can rouse.
class ClosedPort final: public kj::EventPort {
 public:
  bool wait() override { KJ_FAIL_ASSERT("the test waits for what cannot happen"); }
  bool poll() override { return false; }
  void wake() const override {}
};

class DecidingWorld {
 public:
  DecidingWorld();
  ~DecidingWorld() noexcept(false);

  // An actor, seen from the embedding program: through a gated connection.
  template <typename Interface>
  typename Interface::Client actor(const std::string& name) {
    return fromEmbedder_->actor(actor::kindOf<Interface>().c_str(), name.c_str()).template castAs<Interface>();
  }

  // Runs, commits and lets time pass until the promise is done. Throws what it throws.
  template <typename T>
  T finish(kj::Promise<T>&& promise);
  void run(Duration simulated);

  // The process dies: what is not durable is lost. Then a new one starts on the same disk.
  void crash();

  actor::Host& host() { return *host_; }
  sim::SimStore& store() { return *store_; }

  std::set<std::string> holders;                          // supervisors, as "class/id", that still hold what they have
  std::map<std::string, uint32_t> routeVersions;          // by application, as the gateway "g1" was told
  bool gatewayIsAway = false;

 private:
  void start();
  void stop();
  bool commit();
  void advance(Duration by);

  ClosedPort port_;
  kj::EventLoop loop_;
  kj::WaitScope waitScope_;
  actor::ActorSystem system_;
  sim::SimTime time_;
  sim::SimClock clock_;
  sim::SimDisk disk_;
  kj::Own<actor::Shard> embedderShard_;
  kj::Own<rpc::Vat> embedder_;
  kj::Own<sim::SimStore> store_;
  kj::Own<actor::Shard> shard_;
  kj::Own<rpc::RoleDirectory> directory_;
  kj::Own<actor::Host> host_;
  kj::Own<rpc::Vat> vat_;
  kj::Own<rpc::Peer> services_;
  kj::Own<rpc::Peer> fromEmbedder_;
};

template <typename T>
T DecidingWorld::finish(kj::Promise<T>&& promise) {
  kj::Maybe<T> value;
  kj::Maybe<kj::Exception> error;
  auto watching = promise
                      .then([&value](T&& result) { value = kj::mv(result); },
                            [&error](kj::Exception&& reason) { error = kj::mv(reason); })
                      .eagerlyEvaluate(nullptr);
  for (int round = 0; round < 1'000 && value == nullptr && error == nullptr; ++round) {
    if (!commit()) advance(std::chrono::milliseconds(100));
  }
  KJ_IF_MAYBE (reason, error) kj::throwFatalException(kj::mv(*reason));
  return kj::mv(KJ_ASSERT_NONNULL(value, "it is not done"));
}

}  // namespace meridian::deciding
