#include "sim/world/store.h"

#include <kj/debug.h>

#include <catch2/catch.hpp>

#include "runtime/store/store-contract.h"

namespace meridian::sim {

namespace {

using env::Store;

class SimBed final: public store::StoreBed {
 public:
  kj::Own<Store> open() override {
    auto store = kj::heap<SimStore>(disk_);
    store_ = store.get();
    return store;
  }

  void settle(Store& store) override {
    store.flush();
    while (store_->commitPending()) {}
  }

  bool canCrash() const override { return true; }
  void crash(kj::Own<Store> store) override { store_->crash(); }

  void depose() override { SimStore other(disk_); }

  env::WriteSet doomed(env::Epoch epoch) override {
    store_->failNextBatch();
    return {.writes = {{"doomed", "value"}}, .epoch = epoch};
  }

  void damage(const std::string& key) override { disk_.damage(key); }

 private:
  SimDisk disk_;
  SimStore* store_ = nullptr;         // the one opened last
};

Lsn submit(Store& store, std::string key, std::string value) {
  auto lsn = store.submit({.writes = {{key, value}}, .epoch = store.epoch()});
  REQUIRE(lsn);
  return *lsn;
}

TEST_CASE("the simulated store keeps the contract") {
  for (const auto& clause : store::storeContract()) {
    DYNAMIC_SECTION(clause.name) {
      SimBed bed;
      clause.check(bed);
    }
  }
}

TEST_CASE("the world decides when a flushed batch is durable") {
  SimDisk disk;
  SimStore store(disk);
  submit(store, "a", "1");
  CHECK_FALSE(store.isPending());
  CHECK_FALSE(store.commitPending());
  store.flush();
  CHECK(store.isPending());
  CHECK(store.durable() == Lsn(0));
  CHECK(store.commitPending());
  CHECK(store.durable() == Lsn(1));
  CHECK_FALSE(store.isPending());
}

TEST_CASE("a stalled disk moves nothing for as many calls as it was told") {
  SimDisk disk;
  SimStore store(disk);
  submit(store, "a", "1");
  store.flush();
  store.stall(2);
  CHECK_FALSE(store.commitPending());
  CHECK_FALSE(store.commitPending());
  CHECK(store.commitPending());
}

TEST_CASE("what is submitted while a batch is under way is aborted with it") {
  SimDisk disk;
  SimStore store(disk);
  store.failNextBatch();
  submit(store, "a", "1");
  store.flush();
  Lsn later = submit(store, "b", "2");
  store.commitPending();
  CHECK(store.durable() == later);
  CHECK(store.epoch() == env::Epoch(2));
  CHECK(disk.contents().rows.empty());
}

TEST_CASE("a crashed store is dead and its disk is not") {
  SimDisk disk;
  SimStore first(disk);
  submit(first, "a", "durable");
  first.flush();
  first.commitPending();
  submit(first, "a", "lost");
  first.flush();
  auto reader = first.newReader();
  first.crash();
  CHECK_FALSE(first.commitPending());
  CHECK_FALSE(first.submit({.writes = {{"a", "lost"}}, .epoch = first.epoch()}));
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] { reader->renew(); })) {
    CHECK(exception->getType() == kj::Exception::Type::DISCONNECTED);
  } else {
    FAIL("a dead store was read");
  }
  SimStore second(disk);
  CHECK(disk.contents().rows.at("a") == "durable");
  CHECK(submit(second, "a", "next") == Lsn(2));
}

}  // namespace

}  // namespace meridian::sim
