#include "runtime/store/commit-queue.h"

#include <catch2/catch.hpp>
#include <thread>

namespace meridian::store {

namespace {

env::WriteSet set(CommitQueue& queue, std::string value = "value") {
  return {.writes = {{"key", std::move(value)}}, .epoch = queue.epoch()};
}

TEST_CASE("a batch is a consecutive range that goes on where the last one ended") {
  CommitQueue queue(Lsn(41));
  queue.submit(set(queue));
  queue.submit(set(queue));
  queue.flush();
  queue.submit(set(queue));
  auto batch = queue.takeBatch();
  REQUIRE(batch);
  CHECK(batch->first == Lsn(42));
  CHECK(batch->last == Lsn(44));
  CHECK_FALSE(queue.takeBatch());
  CHECK(queue.durable() == Lsn(41));
  queue.committed(*batch);
  CHECK(queue.durable() == Lsn(44));
}

TEST_CASE("a batch ends at its limit of bytes and one set always fits") {
  CommitQueue queue(Lsn(0));
  auto large = [&](size_t megabytes) {
    env::WriteSet writes{.epoch = queue.epoch()};
    for (size_t i = 0; i < megabytes; ++i) writes.writes.push_back({"key", std::string(env::Store::VALUE_MAX, 'v')});
    return writes;
  };
  queue.submit(large(40));
  queue.submit(large(20));
  queue.submit(large(20));
  queue.flush();
  for (uint64_t lsn = 1; lsn <= 3; ++lsn) {
    auto batch = queue.takeBatch();
    REQUIRE(batch);
    CHECK(batch->first == Lsn(lsn));
    CHECK(batch->last == Lsn(lsn));
    queue.committed(*batch);
  }
}

TEST_CASE("an abort takes the batch in hand and all that waits, and old submitters are refused") {
  CommitQueue queue(Lsn(0));
  auto late = set(queue);
  queue.submit(set(queue));
  queue.flush();
  auto batch = queue.takeBatch();
  queue.submit(set(queue));
  queue.flush();
  queue.abort();
  CHECK(queue.durable() == Lsn(2));
  CHECK_FALSE(queue.hasBatch());
  CHECK_FALSE(queue.submit(std::move(late)));
  CHECK(queue.submit(set(queue)) == Lsn(3));
}

TEST_CASE("a closed queue gives out what is left and then ends") {
  CommitQueue queue(Lsn(0));
  queue.submit(set(queue));
  queue.close();
  CHECK_FALSE(queue.submit(set(queue)));
  auto batch = queue.waitForBatch();
  REQUIRE(batch);
  queue.committed(*batch);
  CHECK_FALSE(queue.waitForBatch());
}

TEST_CASE("many submitters and one committer lose and repeat nothing") {
  constexpr uint64_t THREADS = 4, EACH = 5'000;
  CommitQueue queue(Lsn(0));
  std::vector<std::thread> submitters;
  for (uint64_t thread = 0; thread < THREADS; ++thread) {
    submitters.emplace_back([&] {
      for (uint64_t i = 0; i < EACH; ++i) {
        queue.submit(set(queue));
        queue.flush();
      }
    });
  }
  uint64_t taken = 0;
  while (taken < THREADS * EACH) {
    auto batch = queue.waitForBatch();
    REQUIRE(batch);
    REQUIRE(batch->first == Lsn(taken + 1));
    taken += batch->sets.size();
    REQUIRE(batch->last == Lsn(taken));
    queue.committed(*batch);
  }
  for (auto& submitter : submitters) submitter.join();
  CHECK(queue.submitted() == Lsn(taken));
  CHECK(queue.counters().writeSets == taken);
}

// Removal waits for a call that is under way: afterwards the listener may die.
TEST_CASE("a removed listener is not being called any more") {
  class Busy final: public env::StoreListener {
   public:
    void storeMoved() override {
      inside = true;
      std::this_thread::yield();
      inside = false;
    }
    std::atomic<bool> inside{false};
  };
  CommitQueue queue(Lsn(0));
  std::atomic<bool> stop{false};
  std::thread committer([&] {
    while (!stop) queue.abort();
  });
  size_t stillInside = 0;
  for (int i = 0; i < 2'000; ++i) {
    Busy listener;
    queue.addListener(listener);
    queue.removeListener(listener);
    if (listener.inside) ++stillInside;
  }
  stop = true;
  committer.join();
  CHECK(stillInside == 0);
}

}  // namespace

}  // namespace meridian::store
