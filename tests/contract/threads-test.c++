// The contract on real threads over LMDB: shards that each have a loop of their own, and a commit thread.
#include <kj/async-io.h>
#include <stdlib.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "runtime/actor/shard-thread.h"
#include "runtime/rpc/memory-wire.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "runtime/store/lmdb-store.h"
#include "tests/contract/counter-actor.h"

namespace meridian::toy {
namespace {

class TempFolder {
 public:
  TempFolder() {
    char path[] = "/tmp/meridian-contract-XXXXXX";
    KJ_ASSERT(mkdtemp(path) != nullptr);
    path_ = path;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What lives on one shard's thread.
struct ShardHost {
  rpc::RoleDirectory directory;
  actor::Host host;
  rpc::Vat vat;
  std::vector<kj::Own<rpc::Peer>> siblings;

  ShardHost(actor::ShardLoop& loop, size_t index, size_t shards, env::Store& store, uint64_t& loads)
      : directory(shards, index),
        host(loop.shard(), static_cast<uint8_t>(index), store, loop.clock(), Random(index), directory, kinds(loads)), vat(host) {}

  static std::vector<actor::ActorKind> kinds(uint64_t& loads) {
    std::vector<actor::ActorKind> kinds;
    kinds.push_back(actor::actorKind([&loads]() { return kj::heap<CounterActor>(loads); }));
    return kinds;
  }
};

class ThreadedWorld {
 public:
  explicit ThreadedWorld(size_t shards): loop_(system_), embedder_(loop_.shard()), loads_(shards), hosts_(shards) {
    store_ = store::openLmdbStore(folder_.path());
    for (size_t i = 0; i < shards; i++) {
      threads_.push_back(kj::heap<actor::ShardThread>(system_, [this, i, shards](actor::ShardLoop& loop) -> kj::Own<void> {
        auto host = kj::heap<ShardHost>(loop, i, shards, *store_, loads_[i]);
        hosts_[i] = host.get();
        clocks_.push_back(&loop.clock());
        return host;
      }));
    }
    for (size_t i = 0; i < shards; i++) link(i, shards);
    for (size_t i = 0; i < shards; i++) {
      auto* vat = &hosts_[i]->vat;
      peers_.push_back(kj::heap<rpc::Peer>(embedder_, loop_.clock(), [this, vat]() { return embedder_.dial(*vat, rpc::Stores::APART); }));
    }
  }

  ~ThreadedWorld() noexcept(false) {
    peers_.clear();
    onEach([](ShardHost& host) { host.siblings.clear(); });
    for (auto& thread : threads_) thread->stop();
    store_ = nullptr;
  }

  Counter::Client counter(const std::string& name) {
    return peers_[rpc::shardOf({"Counter", name}, hosts_.size())]->actor("Counter", name.c_str()).castAs<Counter>();
  }
  kj::WaitScope& waitScope() { return loop_.io().waitScope; }
  env::Store& store() { return *store_; }

 private:
  void link(size_t i, size_t shards) {
    on(i, [this, i, shards](ShardHost& host) {
      for (size_t other = 0; other < shards; other++) {
        if (other == i) continue;
        auto* vat = &hosts_[other]->vat;
        host.siblings.push_back(kj::heap<rpc::Peer>(host.vat, *clocks_[i], [&host, vat]() { return host.vat.dial(*vat, rpc::Stores::SHARED); }));
        host.directory.sibling(other, *host.siblings.back());
      }
    });
  }

  void on(size_t i, kj::Function<void(ShardHost&)> f) {
    std::promise<void> done;
    threads_[i]->shard().post([&]() {
      f(*hosts_[i]);
      done.set_value();
    });
    done.get_future().wait();
  }
  void onEach(void (*f)(ShardHost&)) {
    for (size_t i = 0; i < hosts_.size(); i++) on(i, f);
  }

  TempFolder folder_;
  actor::ActorSystem system_;
  actor::ShardLoop loop_;
  rpc::Vat embedder_;
  std::vector<uint64_t> loads_;
  kj::Own<env::Store> store_;
  std::vector<ShardHost*> hosts_;
  std::vector<actor::LoopClock*> clocks_;
  std::vector<kj::Own<actor::ShardThread>> threads_;
  std::vector<kj::Own<rpc::Peer>> peers_;
};

kj::Promise<void> transferMany(ThreadedWorld& world, int left, int salt) {
  if (left == 0) return kj::READY_NOW;
  auto request = world.counter("account" + std::to_string((left * 7 + salt) % 10)).transferRequest();
  request.setTo("account" + std::to_string((left * 3 + salt + 1) % 10));
  request.setAmount(left);
  return request.send().then([&world, left, salt](auto&&) { return transferMany(world, left - 1, salt); });
}

}  // namespace

TEST_CASE("transfers between actors on one, two and three threads neither lose nor make money") {
  ThreadedWorld world(GENERATE(1, 2, 3));
  std::vector<kj::Promise<void>> clients;
  for (int i = 0; i < 16; i++) clients.push_back(transferMany(world, 100, i));
  for (auto& client : clients) client.wait(world.waitScope());
  int64_t sum = 0;
  for (int i = 0; i < 10; i++) {
    sum += world.counter("account" + std::to_string(i)).getRequest().send().wait(world.waitScope()).getValue();
  }
  CHECK(sum == 0);
  CHECK(world.store().durable() == world.store().submitted());
  // Many turns share a commit.
  CHECK(world.store().counters().batches < world.store().counters().writeSets);
}

TEST_CASE("a shard can end while another thread posts to it; what it does not run is dropped") {
  actor::ActorSystem system;
  for (int round = 0; round < 50; round++) {
    auto counted = std::make_shared<int>();
    {
      actor::ShardThread ending(system, [](actor::ShardLoop&) { return kj::Own<void>(); });
      std::atomic<bool> ended{false};
      std::promise<void> started;
      std::thread poster([&, door = ending.shard().door()]() {
        door->post([&started]() { started.set_value(); });
        while (!ended) door->post([counted]() {});
        door->post([counted]() { FAIL_CHECK("ran after the end"); });
      });
      started.get_future().wait();
      ending.stop();
      ended = true;
      poster.join();
    }
    CHECK(counted.use_count() == 1);
  }
}

TEST_CASE("a wire to a shard that has ended drops what is written, and its own reader is told of the end") {
  actor::ActorSystem system;
  actor::ShardLoop loop(system);
  kj::Own<rpc::Wire> mine;
  {
    actor::ShardThread ending(system, [&](actor::ShardLoop& other) -> kj::Own<void> {
      auto wires = rpc::newMemoryWires(loop.shard(), other.shard(), rpc::Stores::APART);
      mine = kj::mv(wires.left);
      return kj::mv(wires.right);
    });
  }
  CHECK(mine->read().wait(loop.io().waitScope) == nullptr);
  mine->write(rpc::Packet());
  mine = nullptr;
}

TEST_CASE("an alarm rings by the real clock, not early") {
  ThreadedWorld world(GENERATE(1, 2));
  auto request = world.counter("a").alarmInRequest();
  request.setMs(30);
  request.send().wait(world.waitScope());
  for (;;) {
    auto answer = world.counter("a").ringsRequest().send().wait(world.waitScope());
    CHECK(!answer.getEarly());
    if (answer.getCount() == 1) break;
  }
}

}  // namespace meridian::toy
