// Clause 2 of the contract: nothing leaves the store before what it depends on is durable; within the store nothing waits.
#include <catch2/catch.hpp>

#include "tests/contract/counter-calls.h"
#include "tests/contract/toy-world.h"

namespace meridian::toy {
namespace {

kj::Promise<int64_t> transferred(Counter::Client from, const std::string& to, int64_t amount) {
  auto request = from.transferRequest();
  request.setTo(to);
  request.setAmount(amount);
  return request.send().then([](auto&& answer) { return answer.getTheirs(); });
}

kj::Promise<int64_t> told(Counter::Client counter, Probe::Client probe, int64_t by) {
  auto request = counter.tellRequest();
  request.setProbe(kj::mv(probe));
  request.setBy(by);
  return request.send().then([](auto&& answer) { return answer.getValue(); });
}

}  // namespace

TEST_CASE("the reply to a write leaves when the write is durable, not before") {
  auto shards = GENERATE(1, 2);
  ToyWorld world(shards);
  Watched<int64_t> reply(incremented(world.counter("a"), 5));
  world.settle();
  CHECK(!reply.done());
  world.commit();
  REQUIRE(reply.done());
  CHECK(reply.value() == 5);
}

TEST_CASE("a read-only reply waits for the write it has seen") {
  ToyWorld world(GENERATE(1, 2));
  Watched<int64_t> write(incremented(world.counter("a"), 5));
  world.settle();
  Watched<int64_t> read(value(world.counter("a")));
  world.settle();
  CHECK(!read.done());
  world.commit();
  REQUIRE(read.done());
  CHECK(read.value() == 5);
}

TEST_CASE("a read of an actor that has seen nothing new does not wait for another actor's write") {
  ToyWorld world(GENERATE(1, 2));
  world.finish(incremented(world.counter("quiet"), 3));
  // Not over the embedder's connection, where replies keep their order.
  auto& host = world.host(rpc::shardOf({"Counter", "busy"}, world.shardCount()));
  Watched<int64_t> write(incremented(host.reference({"Counter", "busy"}).castAs<Counter>(), 5));
  world.settle();
  CHECK(world.store().durable() < world.store().submitted());
  Watched<int64_t> read(value(world.counter("quiet")));
  world.settle();
  CHECK(world.store().durable() < world.store().submitted());
  REQUIRE(read.done());
  CHECK(read.value() == 3);
}

TEST_CASE("an exception waits for what its actor had written before") {
  ToyWorld world(GENERATE(1, 2));
  Watched<bool> failure(failing(world.counter("a"), How::THROWING_LATER));
  world.settle();
  world.advance(std::chrono::milliseconds(1));
  CHECK(!failure.done());
  world.commit();
  REQUIRE(failure.failed());
  CHECK(failure.error().getType() == kj::Exception::Type::FAILED);
  CHECK(world.finish(value(world.counter("a"))) == 1000);
}

TEST_CASE("a call out of the store waits for the turn that made it") {
  ToyWorld world(GENERATE(1, 2));
  std::vector<int64_t> seen;
  Watched<int64_t> reply(told(world.counter("a"), kj::heap<RecordingProbe>(seen), 7));
  world.settle();
  CHECK(seen.empty());
  world.commit();
  CHECK(seen == std::vector<int64_t>{7});
  world.commitAll();
  REQUIRE(reply.done());
}

TEST_CASE("a call to a service of another process waits as well") {
  ToyWorld world(GENERATE(1, 2));
  std::vector<int64_t> seen;
  world.embedder().offer("probe", kj::heap<RecordingProbe>(seen));
  auto request = world.counter("a").tellLaterRequest();
  request.setService("probe");
  request.setBy(9);
  Watched<bool> reply(request.send().then([](auto&&) { return true; }));
  world.settle();
  CHECK(seen.empty());
  CHECK(!reply.done());
  world.commit();
  CHECK(seen == std::vector<int64_t>{9});
  CHECK(reply.done());
}

TEST_CASE("a pipelined call on a reference in an undurable answer leads to a durable reply") {
  ToyWorld world(GENERATE(1, 2));
  auto request = world.counter("a").otherRequest();
  request.setName("b");
  request.setBy(1);
  auto answer = request.send();
  Watched<int64_t> pipelined(incremented(answer.getCounter(), 2));
  world.settle();
  CHECK(!pipelined.done());
  world.commit();
  REQUIRE(pipelined.done());
  CHECK(pipelined.value() == 2);
  CHECK(world.store().durable() == world.store().submitted());
}

TEST_CASE("stream chunks are gated too") {
  ToyWorld world(GENERATE(1, 2));
  auto counter = world.counter("a");
  for (int i = 0; i < 3; i++) {
    auto request = counter.feedRequest();
    request.setBy(1);
    Watched<bool> sent(request.send().then([]() { return true; }));
    world.settle();
  }
  Watched<int64_t> read(value(counter));
  world.settle();
  CHECK(!read.done());
  world.commit();
  REQUIRE(read.done());
  CHECK(read.value() == 3);
}

TEST_CASE("within one store a chain of actors does not wait, and pays one commit") {
  ToyWorld world(GENERATE(1, 2));
  auto from = world.nameOn(0, "from");
  auto to = world.nameOn(world.shardCount() - 1, "to");
  auto before = world.store().counters().batches;
  Watched<int64_t> reply(transferred(world.counter(from), to, 4));
  world.settle();
  CHECK(!reply.done());
  CHECK(world.commit());
  REQUIRE(reply.done());
  CHECK(reply.value() == 4);
  CHECK(world.store().counters().batches == before + 1);
  CHECK(world.finish(value(world.counter(from))) == -4);
}

TEST_CASE("replies of one connection keep their order") {
  ToyWorld world(GENERATE(1, 2));
  auto counter = world.counter("a");
  std::vector<int64_t> order;
  std::vector<kj::Promise<void>> calls;
  for (int i = 0; i < 20; i++) {
    calls.push_back(incremented(counter, 1).then([&](int64_t n) { order.push_back(n); }).eagerlyEvaluate(nullptr));
  }
  world.commitAll();
  REQUIRE(order.size() == 20);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("nothing that was told outside is lost in a crash") {
  ToyWorld world(GENERATE(1, 2));
  int64_t told = 0;
  for (int i = 0; i < 10; i++) {
    Watched<int64_t> reply(incremented(world.counter("a"), 1));
    if (i % 3 != 0) world.commit();
    if (reply.done() && !reply.failed()) told = reply.value();
    if (i % 4 == 3) {
      world.settle();
      world.crash();
      CHECK(world.finish(value(world.counter("a"))) >= told);
    }
  }
}

}  // namespace meridian::toy
