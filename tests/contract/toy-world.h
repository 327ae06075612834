// ToyWorld: a store under the test's hand, one or two shards with counter actors over it, and an embedding program that is linked
// to them as any client is. Time and commits move only when the test says so, so what waits for durability can be seen waiting.
#pragma once

#include <kj/async-io.h>

#include <functional>
#include <vector>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "sim/world/clock.h"
#include "sim/world/store.h"
#include "tests/contract/counter-actor.h"

namespace meridian::toy {

// A port for a loop that nothing outside can rouse.
class ClosedPort final: public kj::EventPort {
 public:
  bool wait() override { KJ_FAIL_ASSERT("the test waits for what cannot happen"); }
  bool poll() override { return false; }
  void wake() const override {}
};

// A capability outside of the store: it says what reached it.
class RecordingProbe final: public Probe::Server {
 public:
  explicit RecordingProbe(std::vector<int64_t>& seen): seen_(seen) {}
  kj::Promise<void> seen(SeenContext context) override {
    seen_.push_back(context.getParams().getValue());
    return kj::READY_NOW;
  }

 private:
  std::vector<int64_t>& seen_;
};

class ToyWorld {
 public:
  explicit ToyWorld(size_t shards, actor::HostLimits limits = {});
  ~ToyWorld() noexcept(false);

  // The counter, seen from the embedding program: through a gated connection.
  Counter::Client counter(const std::string& name);

  // Any actor, in the same way.
  template <typename Interface>
  typename Interface::Client actor(const std::string& name) {
    auto kind = actor::kindOf<Interface>();
    auto& parts = *shards_[rpc::shardOf({kind, name}, shardTotal_)];
    return parts.fromEmbedder->actor(kind.c_str(), name.c_str()).template castAs<Interface>();
  }

  // The name of a counter on this shard.
  std::string nameOn(size_t shard, const std::string& stem = "c") const;

  // Runs everything that can run without time or a commit. Stores are flushed, nothing becomes durable.
  void settle();
  // One batch, if there is something to commit; then settles.
  bool commit();
  // Commits until nothing is left to do.
  void commitAll();
  void advance(Duration by);

  // Everything is done and committed as long as it takes, within some simulated seconds. Throws what the promise throws.
  template <typename T>
  T finish(kj::Promise<T>&& promise);

  // The process dies: what is not durable is lost. Then a new one starts on the same disk.
  void crash();

  sim::SimStore& store() { return *store_; }
  sim::SimDisk& disk() { return disk_; }
  actor::Host& host(size_t shard) { return *shards_[shard]->host; }
  rpc::Vat& vat(size_t shard) { return *shards_[shard]->vat; }
  size_t shardCount() const { return shards_.size(); }
  rpc::Vat& embedder() { return *embedder_; }
  uint64_t loads = 0;

 private:
  struct ShardParts {
    kj::Own<actor::Shard> shard;
    kj::Own<rpc::RoleDirectory> directory;
    kj::Own<actor::Host> host;
    kj::Own<rpc::Vat> vat;
    std::vector<kj::Own<rpc::Peer>> siblings;
    kj::Own<rpc::Peer> services;
    kj::Own<rpc::Peer> fromEmbedder;
  };

  void start();
  void stop();
  void wire(size_t index);

  size_t shardTotal_;
  actor::HostLimits limits_;
  ClosedPort port_;
  kj::EventLoop loop_;
  kj::WaitScope waitScope_;
  actor::ActorSystem system_;
  sim::SimTime time_;
  sim::SimClock clock_;
  sim::SimDisk disk_;
  kj::Own<sim::SimStore> store_;
  kj::Own<actor::Shard> embedderShard_;
  kj::Own<rpc::Vat> embedder_;
  std::vector<kj::Own<ShardParts>> shards_;
};

// The outcome of a promise that the test watches while it moves the world.
template <typename T>
class Watched {
 public:
  explicit Watched(kj::Promise<T>&& promise)
      : watching_(promise
                      .then([this](T&& value) { value_ = kj::mv(value); },
                            [this](kj::Exception&& error) { error_ = kj::mv(error); })
                      .eagerlyEvaluate(nullptr)) {}

  bool done() const { return value_ != nullptr || error_ != nullptr; }
  T& value() {
    KJ_IF_MAYBE(error, error_) kj::throwFatalException(kj::cp(*error));
    return KJ_ASSERT_NONNULL(value_, "it is not done");
  }
  kj::Exception& error() { return KJ_ASSERT_NONNULL(error_, "it did not fail"); }
  bool failed() const { return error_ != nullptr; }

 private:
  kj::Maybe<T> value_;
  kj::Maybe<kj::Exception> error_;
  kj::Promise<void> watching_;
};

template <typename T>
T ToyWorld::finish(kj::Promise<T>&& promise) {
  Watched<T> watched(kj::mv(promise));
  for (int round = 0; round < 1000 && !watched.done(); round++) {
    settle();
    if (watched.done()) break;
    if (!commit()) advance(std::chrono::milliseconds(100));
  }
  return kj::mv(watched.value());
}

}  // namespace meridian::toy
