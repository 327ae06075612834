// Clauses 1, 3, 8 and 9 of the contract: turns and what a failed one leaves, reads of the write buffer, bounds, typed faults.
#include <catch2/catch.hpp>

#include "tests/contract/counter-calls.h"
#include "tests/contract/toy-world.h"

namespace meridian::toy {
namespace {

kj::Promise<std::string> keys(Counter::Client counter, const std::string& prefix) {
  auto request = counter.keysRequest();
  request.setPrefix(prefix);
  return request.send().then([](auto&& answer) {
    std::string all;
    for (auto key : answer.getKeys()) all += std::string(key.cStr()) + " ";
    return all;
  });
}

kj::Promise<bool> setKey(Counter::Client counter, const std::string& key, const std::string& value) {
  auto request = counter.setRequest();
  request.setKey(key);
  request.setValue(value);
  return request.send().then([](auto&&) { return true; });
}

kj::Promise<bool> eraseKey(Counter::Client counter, const std::string& key) {
  auto request = counter.eraseRequest();
  request.setKey(key);
  return request.send().then([](auto&&) { return true; });
}

// The counter holds all other messages until `open` resolves.
kj::Promise<bool> held(Counter::Client counter, kj::Promise<void> open) {
  class Gate final: public Probe::Server {
   public:
    explicit Gate(kj::Promise<void> open): open_(kj::mv(open)) {}
    kj::Promise<void> seen(SeenContext) override { return kj::mv(open_); }

   private:
    kj::Promise<void> open_;
  };
  auto request = counter.holdRequest();
  request.setProbe(kj::heap<Gate>(kj::mv(open)));
  return request.send().then([](auto&&) { return true; });
}

kj::Exception failure(ToyWorld& world, kj::Promise<bool>&& promise) {
  auto error = kj::runCatchingExceptions([&]() { world.finish(kj::mv(promise)); });
  return kj::mv(KJ_ASSERT_NONNULL(error, "it should have failed"));
}

}  // namespace

TEST_CASE("a turn that throws, or returns a rejected promise, leaves nothing of itself") {
  ToyWorld world(GENERATE(1, 2));
  auto how = GENERATE(How::THROWING, How::REJECTING, How::THROWING_STD, How::OVERLOADED);
  world.finish(incremented(world.counter("a"), 1));
  auto error = failure(world, failing(world.counter("a"), how));
  CHECK(error.getType() == (how == How::OVERLOADED ? kj::Exception::Type::OVERLOADED : kj::Exception::Type::FAILED));
  CHECK(world.finish(value(world.counter("a"))) == 1);
}

TEST_CASE("a throw discards its own turn and not the one before") {
  ToyWorld world(GENERATE(1, 2));
  failure(world, failing(world.counter("a"), How::THROWING_LATER));
  CHECK(world.finish(value(world.counter("a"))) == 1000);
}

TEST_CASE("a failed check sets its actor aside and no other") {
  ToyWorld world(GENERATE(1, 2));
  auto first = failure(world, failing(world.counter("a"), How::CHECKING));
  CHECK(first.getType() == kj::Exception::Type::FAILED);
  auto second = failure(world, incremented(world.counter("a"), 1).then([](int64_t) { return true; }));
  CHECK_THAT(second.getDescription().cStr(), Catch::Contains("set aside"));
  CHECK(world.finish(incremented(world.counter("b"), 1)) == 1);
}

TEST_CASE("storage outside of a turn is a failed check, and writes nothing") {
  ToyWorld world(1);
  auto error = failure(world, world.counter("a").outsideRequest().send().then([](auto&&) { return true; }));
  CHECK_THAT(error.getDescription().cStr(), Catch::Contains("inside a turn"));
}

TEST_CASE("reads see the write buffer, merged in lists, before and after it is durable") {
  ToyWorld world(GENERATE(1, 2));
  auto counter = world.counter("a");
  for (auto key : {"k1", "k3", "k5", "other"}) world.finish(setKey(counter, key, "stored"));
  Watched<bool> added(setKey(counter, "k2", "buffered"));
  Watched<bool> changed(setKey(counter, "k3", "buffered"));
  Watched<bool> erased(eraseKey(counter, "k5"));
  Watched<std::string> listed(keys(counter, "k"));
  auto request = counter.setAndListRequest();
  request.setKey("k4");
  request.setValue("own");
  request.setPrefix("k");
  Watched<uint64_t> own(request.send().then([](auto&& answer) -> uint64_t { return answer.getKeys().size(); }));
  world.commit();
  CHECK(listed.value() == "k1=stored k2=buffered k3=buffered ");
  CHECK(own.value() == 4);
  CHECK(world.finish(keys(counter, "k")) == "k1=stored k2=buffered k3=buffered k4=own ");
  world.crash();
  CHECK(world.finish(keys(world.counter("a"), "k")) == "k1=stored k2=buffered k3=buffered k4=own ");
}

TEST_CASE("the write buffer survives its actor leaving memory") {
  ToyWorld world(1, {.idleAfter = std::chrono::milliseconds(10)});
  Watched<int64_t> write(incremented(world.counter("a"), 5));
  world.settle();
  world.advance(std::chrono::seconds(1));
  CHECK(world.host(0).activationCount() == 0);
  Watched<int64_t> read(value(world.counter("a")));
  world.settle();
  CHECK(world.loads == 2);
  CHECK(!read.done());
  world.commit();
  CHECK(read.value() == 5);
}

TEST_CASE("idle actors leave memory, and come back as they were") {
  ToyWorld world(GENERATE(1, 2), {.idleAfter = std::chrono::milliseconds(10)});
  for (int i = 0; i < 50; i++) world.finish(incremented(world.counter("c" + std::to_string(i)), i));
  world.advance(std::chrono::seconds(1));
  for (size_t i = 0; i < world.shardCount(); i++) CHECK(world.host(i).activationCount() == 0);
  CHECK(world.finish(value(world.counter("c49"))) == 49);
}

TEST_CASE("a full mailbox refuses at once, and what waits is answered") {
  ToyWorld world(1, {.mailboxMax = 4});
  auto counter = world.counter("a");
  auto paf = kj::newPromiseAndFulfiller<void>();
  Watched<bool> holding(held(counter, kj::mv(paf.promise)));
  world.commitAll();
  std::vector<kj::Own<Watched<int64_t>>> calls;
  for (int i = 0; i < 10; i++) calls.push_back(kj::heap<Watched<int64_t>>(incremented(counter, 1)));
  world.commitAll();
  size_t refused = std::count_if(calls.begin(), calls.end(), [](auto& call) { return call->done(); });
  CHECK(refused == 6);
  for (auto& call : calls) {
    if (call->done()) CHECK(call->error().getType() == kj::Exception::Type::OVERLOADED);
  }
  paf.fulfiller->fulfill();
  world.commitAll();
  for (auto& call : calls) CHECK(call->done());
  CHECK(world.finish(value(counter)) == 4);
}

TEST_CASE("keys and values over their bound are refused with the bound, and nothing changes") {
  ToyWorld world(1);
  auto counter = world.counter("a");
  world.finish(setKey(counter, std::string(400, 'k'), "fits"));
  CHECK_THAT(failure(world, setKey(counter, std::string(401, 'k'), "")).getDescription().cStr(), Catch::Contains("400"));
  CHECK_THAT(failure(world, setKey(counter, "", "")).getDescription().cStr(), Catch::Contains("1 to 400"));
  CHECK_THAT(failure(world, setKey(counter, "k", std::string((1 << 20) + 1, 'v'))).getDescription().cStr(), Catch::Contains("1 MiB"));
}

TEST_CASE("other messages run while a method waits, and wait while it blocks") {
  ToyWorld world(GENERATE(1, 2));
  auto paf = kj::newPromiseAndFulfiller<void>();
  Watched<bool> holding(held(world.counter("a"), kj::mv(paf.promise)));
  world.commitAll();
  Watched<int64_t> other(incremented(world.counter("a"), 1));
  world.commitAll();
  CHECK(!other.done());
  paf.fulfiller->fulfill();
  world.commitAll();
  CHECK(holding.done());
  REQUIRE(other.done());
  CHECK(other.value() == 1);
}

TEST_CASE("blocking too long resets the activation, and what waited can be tried again") {
  ToyWorld world(1);
  Watched<bool> holding(held(world.counter("a"), kj::NEVER_DONE));
  Watched<int64_t> waiting(incremented(world.counter("a"), 1));
  world.commitAll();
  world.advance(std::chrono::seconds(31));
  world.commitAll();
  CHECK(holding.failed());
  REQUIRE(waiting.failed());
  CHECK(waiting.error().getType() == kj::Exception::Type::DISCONNECTED);
  CHECK(world.finish(incremented(world.counter("a"), 1)) == 1);
}

TEST_CASE("after a reset every pending call ends, and the reference stays good") {
  ToyWorld world(GENERATE(1, 2));
  auto name = world.nameOn(0);
  auto counter = world.counter(name);
  Watched<bool> hanging(counter.hangRequest().send().then([](auto&&) { return true; }));
  world.commitAll();
  world.host(0).reset({"Counter", name}, KJ_EXCEPTION(DISCONNECTED, "on purpose"));
  world.commitAll();
  REQUIRE(hanging.failed());
  CHECK(hanging.error().getType() == kj::Exception::Type::DISCONNECTED);
  CHECK(world.finish(incremented(counter, 1)) == 1);
}

namespace {

// Calls work(), drops the call while it waits, then lets the wait end; answers whether the second turn ran.
template <typename Interface>
bool endsAfterItsCallerHasGone(ToyWorld& world) {
  class Gate final: public Probe::Server {
   public:
    explicit Gate(kj::Promise<void> open): open_(kj::mv(open)) {}
    kj::Promise<void> seen(SeenContext) override { return kj::mv(open_); }

   private:
    kj::Promise<void> open_;
  };
  auto paf = kj::newPromiseAndFulfiller<void>();
  auto worker = world.actor<Interface>("worker");
  auto request = worker.workRequest();
  request.setProbe(kj::heap<Gate>(kj::mv(paf.promise)));
  {
    Watched<bool> call(request.send().then([](auto&&) { return true; }));
    world.commitAll();
    CHECK(!call.done());
  }
  world.commitAll();
  paf.fulfiller->fulfill();
  world.commitAll();
  return world.finish(worker.progressRequest().send().then([](auto&& answer) {
    CHECK(answer.getBegun());
    return answer.getEnded();
  }));
}

}  // namespace

TEST_CASE("a caller that goes cancels a call between two turns, where the class lets it, and nowhere else") {
  ToyWorld world(GENERATE(1, 2));
  CHECK(endsAfterItsCallerHasGone<Patient>(world));
  CHECK(!endsAfterItsCallerHasGone<Impatient>(world));
}

TEST_CASE("too many actors in memory are refused with the bound, and the others go on") {
  ToyWorld world(1, {.activationsMax = 2});
  world.finish(incremented(world.counter("a"), 1));
  world.finish(incremented(world.counter("b"), 1));
  auto error = failure(world, incremented(world.counter("c"), 1).then([](int64_t) { return true; }));
  CHECK(error.getType() == kj::Exception::Type::OVERLOADED);
  CHECK(world.finish(incremented(world.counter("a"), 1)) == 2);
}

}  // namespace meridian::toy
