// Clauses 2, 4 and 6 of the contract: aborted batches, the fenced commit as actors see it, and alarms.
#include <catch2/catch.hpp>

#include "tests/contract/counter-calls.h"
#include "tests/contract/toy-world.h"

namespace meridian::toy {
namespace {

kj::Promise<bool> alarmIn(Counter::Client counter, int64_t ms, uint32_t failures = 0) {
  auto request = counter.alarmInRequest();
  request.setMs(ms);
  request.setFailures(failures);
  return request.send().then([](auto&&) { return true; });
}

kj::Promise<uint32_t> rings(Counter::Client counter) {
  return counter.ringsRequest().send().then([](auto&& answer) -> uint32_t {
    KJ_REQUIRE(!answer.getEarly(), "an alarm came early");
    return answer.getCount();
  });
}

}  // namespace

TEST_CASE("an aborted batch undoes all later turns too, and their callers may try again") {
  ToyWorld world(GENERATE(1, 2));
  auto a = world.nameOn(0, "a");
  auto b = world.nameOn(world.shardCount() - 1, "b");
  world.finish(incremented(world.counter(a), 1));
  world.finish(incremented(world.counter(b), 1));

  world.store().failNextBatch();
  Watched<int64_t> first(incremented(world.counter(a), 10));
  world.settle();
  Watched<int64_t> later(incremented(world.counter(b), 10));
  Watched<int64_t> seesIt(value(world.counter(a)));
  world.commitAll();
  for (auto* call : {&first, &later, &seesIt}) {
    REQUIRE(call->failed());
    CHECK(call->error().getType() == kj::Exception::Type::DISCONNECTED);
  }
  CHECK(world.finish(value(world.counter(a))) == 1);
  CHECK(world.finish(value(world.counter(b))) == 1);
  CHECK(world.finish(incremented(world.counter(a), 1)) == 2);
}

TEST_CASE("an effect of an aborted turn never leaves") {
  ToyWorld world(GENERATE(1, 2));
  std::vector<int64_t> seen;
  world.store().failNextBatch();
  auto request = world.counter("a").tellRequest();
  request.setProbe(kj::heap<RecordingProbe>(seen));
  request.setBy(5);
  Watched<bool> call(request.send().then([](auto&&) { return true; }));
  world.commitAll();
  CHECK(call.failed());
  CHECK(seen.empty());
  CHECK(world.finish(value(world.counter("a"))) == 0);
}

TEST_CASE("a deposed owner's turns never become durable, and nobody hears of them") {
  ToyWorld world(GENERATE(1, 2));
  world.finish(incremented(world.counter("a"), 1));
  auto before = world.disk().contents().lsn;
  {
    sim::SimStore usurper(world.disk());
    Watched<int64_t> late(incremented(world.counter("a"), 10));
    world.commitAll();
    REQUIRE(late.failed());
    CHECK(late.error().getType() == kj::Exception::Type::DISCONNECTED);
    CHECK(world.store().state() == env::StoreState::DEPOSED);
    CHECK(world.disk().contents().lsn == before);
  }
  world.crash();
  CHECK(world.finish(value(world.counter("a"))) == 1);
}

TEST_CASE("a turn whose writes the store does not take says nothing either") {
  ToyWorld world(GENERATE(1, 2));
  world.finish(incremented(world.counter("a"), 1));
  sim::SimStore usurper(world.disk());
  Watched<int64_t> late(incremented(world.counter("a"), 10));
  world.commitAll();
  REQUIRE(world.store().state() == env::StoreState::DEPOSED);
  std::vector<int64_t> seen;
  auto request = world.counter("a").tellRequest();
  request.setProbe(kj::heap<RecordingProbe>(seen));
  request.setBy(5);
  Watched<bool> call(request.send().then([](auto&&) { return true; }));
  world.commitAll();
  CHECK(call.failed());
  CHECK(seen.empty());
}

TEST_CASE("an alarm rings once, not early, and after a crash") {
  ToyWorld world(GENERATE(1, 2));
  world.finish(alarmIn(world.counter("a"), 60'000));
  world.advance(std::chrono::milliseconds(59'900));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 0);
  bool crashes = GENERATE(false, true);
  if (crashes) world.crash();
  world.advance(std::chrono::seconds(1));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 1);
  world.advance(std::chrono::hours(1));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 1);
}

TEST_CASE("an alarm wakes an actor that sleeps, also in the far future") {
  ToyWorld world(GENERATE(1, 2));
  world.finish(alarmIn(world.counter("a"), 86'400'000));
  world.crash();
  world.advance(std::chrono::hours(23));
  CHECK(world.finish(rings(world.counter("a"))) == 0);
  world.advance(std::chrono::hours(2));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 1);
}

TEST_CASE("a failed alarm is tried again, six times at most") {
  ToyWorld world(1);
  auto failures = GENERATE(0u, 3u, 5u, 6u);
  world.finish(alarmIn(world.counter("a"), 1000, failures));
  for (int i = 0; i < 200; i++) {
    world.advance(std::chrono::seconds(2));
    world.commitAll();
  }
  CHECK(world.finish(rings(world.counter("a"))) == (failures < 6 ? 1 : 0));
}

TEST_CASE("a later alarm replaces an earlier one") {
  ToyWorld world(1);
  world.finish(alarmIn(world.counter("a"), 1000));
  world.finish(alarmIn(world.counter("a"), 5000));
  world.advance(std::chrono::seconds(3));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 0);
  world.advance(std::chrono::seconds(3));
  world.commitAll();
  CHECK(world.finish(rings(world.counter("a"))) == 1);
}

}  // namespace meridian::toy
