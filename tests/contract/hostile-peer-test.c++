// What a peer may make a vat keep, and what it may say, is bounded: over a limit its connection ends, and others go on.
#include <catch2/catch.hpp>

#include "runtime/actor/vocabulary.h"
#include "schema/node.capnp.h"
#include "tests/contract/counter-calls.h"
#include "tests/contract/raw-peer.h"

namespace meridian::toy {
namespace {

using capnp::rpc::Message;

constexpr uint16_t NODE_ACTOR = 0, COUNTER_GET = 1, COUNTER_TELL = 4, COUNTER_HANG = 6;

// Limits so low that a test reaches them at once.
rpc::PeerLimits lowLimits() {
  rpc::PeerLimits limits;
  limits.questionsMax = 10;
  limits.questionBytesMax = 20'000;
  limits.redirectedMax = 3;
  limits.pipelineMax = 5;
  limits.exportsMax = 10;
  limits.callbacksMax = 10;
  limits.promiseChainMax = 3;
  limits.unreadBytesMax = 20'000;
  return limits;
}

// Asks for the counter "a"; it is then at pointer 0 of this question's answer.
void findCounter(RawPeer& peer, uint32_t question, uint32_t node) {
  peer.send([question, node](auto message) {
    auto call = message.initCall();
    call.setQuestionId(question);
    call.setInterfaceId(capnp::typeId<schema::Node>());
    call.setMethodId(NODE_ACTOR);
    call.getTarget().initPromisedAnswer().setQuestionId(node);
    auto params = call.getParams().getContent().template initAs<schema::Node::ActorParams>();
    params.setKind("Counter");
    params.setName("a");
  });
}

template <typename Fill>
void callCounter(RawPeer& peer, uint32_t question, uint32_t counter, uint16_t method, Fill fill) {
  peer.send([&](auto message) {
    auto call = message.initCall();
    call.setQuestionId(question);
    call.setInterfaceId(capnp::typeId<Counter>());
    call.setMethodId(method);
    auto target = call.getTarget().initPromisedAnswer();
    target.setQuestionId(counter);
    target.initTransform(1)[0].setGetPointerField(0);
    fill(call);
  });
}

void callCounter(RawPeer& peer, uint32_t question, uint32_t counter, uint16_t method) {
  callCounter(peer, question, counter, method, [](capnp::rpc::Call::Builder) {});
}

// Question 0 is the node, question 1 the counter.
struct Attacked {
  ToyWorld world{1};
  RawPeer peer;
  explicit Attacked(const rpc::PeerLimits& limits = lowLimits()): peer(world, limits) {
    peer.bootstrap(0);
    findCounter(peer, 1, 0);
    world.settle();
  }
  ~Attacked() {
    // Others never notice, whatever waits for a sync.
    CHECK(world.finish(value(world.counter("other"))) == 0);
  }

  void endsBy(const std::string& why) {
    REQUIRE(peer.ended());
    CHECK_THAT(peer.reason(), Catch::Contains(why));
  }
};

}  // namespace

TEST_CASE("a peer that finishes its questions may ask for ever") {
  Attacked a;
  for (uint32_t i = 0; i < 1'000; i++) {
    callCounter(a.peer, 2, 1, COUNTER_GET);
    a.peer.finish(2);
    a.world.settle();
  }
  CHECK(!a.peer.ended());
  CHECK(a.peer.count(Message::RETURN) == 1'002);
}

TEST_CASE("questions in flight are bounded, also those that the peer has given up") {
  auto givenUp = GENERATE(false, true);
  Attacked a;
  for (uint32_t i = 2; i < 20; i++) {
    callCounter(a.peer, i, 1, COUNTER_HANG);
    if (givenUp) a.peer.finish(i);
  }
  a.endsBy("questionsMax");
}

TEST_CASE("a number is of one question at a time") {
  Attacked a;
  callCounter(a.peer, 1, 1, COUNTER_GET);
  a.endsBy("asked twice");
}

TEST_CASE("bytes of unanswered calls are bounded, and free again when they are answered") {
  Attacked a;
  auto long_ = [](capnp::rpc::Call::Builder call) { call.getParams().getContent().initAs<capnp::Data>(6'000); };
  for (uint32_t i = 0; i < 10; i++) {
    callCounter(a.peer, 2, 1, COUNTER_GET, long_);
    a.peer.finish(2);
    a.world.settle();
  }
  REQUIRE(!a.peer.ended());
  for (uint32_t i = 2; i < 7; i++) callCounter(a.peer, i, 1, COUNTER_HANG, long_);
  a.endsBy("questionBytesMax");
}

TEST_CASE("capabilities that a call brings count as bytes") {
  Attacked a;
  callCounter(a.peer, 2, 1, COUNTER_GET, [](capnp::rpc::Call::Builder call) {
    auto table = call.getParams().initCapTable(100);
    for (uint32_t i = 0; i < table.size(); i++) table[i].setSenderHosted(i);
  });
  a.endsBy("questionBytesMax");
}

TEST_CASE("an unanswered question is not an unbounded list of those who refer to its answer") {
  Attacked a;
  callCounter(a.peer, 2, 1, COUNTER_HANG);
  for (uint16_t i = 0; i < 100; i++) {
    callCounter(a.peer, 3, 1, COUNTER_GET, [i](capnp::rpc::Call::Builder call) {
      auto answer = call.getParams().initCapTable(1)[0].initReceiverAnswer();
      answer.setQuestionId(2);
      answer.initTransform(1)[0].setGetPointerField(i);
    });
    a.peer.finish(3);
    a.world.settle();
  }
  a.endsBy("questionBytesMax");
}

TEST_CASE("answers that this side keeps for the peer are bounded") {
  Attacked a;
  for (uint32_t i = 2; i < 8; i++) {
    callCounter(a.peer, i, 1, COUNTER_GET, [](capnp::rpc::Call::Builder call) { call.getSendResultsTo().setYourself(); });
  }
  a.endsBy("redirectedMax");
}

TEST_CASE("a row of calls, each on the answer of the one before, is bounded") {
  Attacked a;
  for (uint32_t i = 2; i < 9; i++) callCounter(a.peer, i, i - 1, COUNTER_HANG);
  a.endsBy("pipelineMax");
}

TEST_CASE("capabilities that the peer does not release are bounded; those it releases are not") {
  bool release = GENERATE(true, false);
  Attacked a;
  for (uint32_t i = 0; i < 50; i++) {
    findCounter(a.peer, 2, 0);
    a.peer.finish(2, release);
    a.world.settle();
  }
  if (release) {
    CHECK(!a.peer.ended());
  } else {
    a.endsBy("exportsMax");
  }
}

TEST_CASE("calls to a peer that never answers are bounded") {
  auto limits = lowLimits();
  limits.questionsMax = 1'000;
  limits.questionBytesMax = 1 << 20;
  Attacked a(limits);
  for (uint32_t i = 0; i < 20; i++) {
    callCounter(a.peer, 2 + i, 1, COUNTER_TELL, [i](capnp::rpc::Call::Builder call) {
      auto params = call.getParams();
      capnp::BuilderCapabilityTable table;
      auto content = table.imbue(params.getContent()).initAs<Counter::TellParams>();
      content.setProbe(capnp::Capability::Client(capnp::newBrokenCap("stands for what the peer hosts")).castAs<Probe>());
      params.initCapTable(1)[0].setSenderHosted(i);
    });
    a.world.commitAll();
  }
  CHECK(a.peer.ended());
}

TEST_CASE("promises that stand for each other in a circle, or in a long row, end the connection before a call can follow them") {
  bool circle = GENERATE(true, false);
  Attacked a;
  callCounter(a.peer, 2, 1, COUNTER_HANG, [](capnp::rpc::Call::Builder call) {
    auto table = call.getParams().initCapTable(7);
    for (uint32_t i = 0; i < table.size(); i++) table[i].setSenderPromise(i);
  });
  for (uint32_t i = 0; i < 6; i++) {
    a.peer.send([i, circle](auto message) {
      auto resolve = message.initResolve();
      resolve.setPromiseId(i);
      resolve.initCap().setSenderPromise(circle ? i : i + 1);
    });
  }
  a.endsBy("promiseChainMax");
}

TEST_CASE("what waits for a sync is bounded too") {
  Attacked a;
  callCounter(a.peer, 2, 1, 0);   // An increment: its answer waits for a commit, and with it all that follows.
  for (uint32_t i = 0; i < 10; i++) {
    a.peer.send([](auto message) { message.initProvide().getRecipient().template initAs<capnp::Data>(4'000); });
  }
  CHECK(a.peer.ended());
}

// A list of pointers that all lead to the same bytes behind it.
std::vector<uint64_t> manyToOne(uint64_t pointers, uint64_t words) {
  std::vector<uint64_t> message{1 | (6ull << 32) | (pointers << 35)};
  for (uint64_t i = 0; i < pointers; i++) message.push_back(1 | ((pointers - 1 - i) << 2) | (5ull << 32) | (words << 35));
  message.resize(message.size() + words);
  return message;
}

TEST_CASE("malformed messages end the connection") {
  auto words = GENERATE(
      // Nesting: each struct's one pointer leads to the next.
      std::vector<uint64_t>(10'000, uint64_t(1) << 48),
      // A list of 2^29 - 1 structs of no words.
      std::vector<uint64_t>{1 | (7ull << 32), ((1ull << 29) - 1) << 2},
      // A pointer far out of the message.
      std::vector<uint64_t>{(1ull << 25) | (1ull << 32)},
      // 1 MiB of bytes that are not there.
      std::vector<uint64_t>{1 | (2ull << 32) | (1ull << 20 << 35)},
      manyToOne(1'000, 1'000));
  Attacked a;
  auto message = kj::heapArray<capnp::word>(words.size() + 1);
  uint32_t table[] = {0, static_cast<uint32_t>(words.size())};
  memcpy(message.asBytes().begin(), table, sizeof(table));
  memcpy(message.asBytes().begin() + sizeof(capnp::word), words.data(), words.size() * sizeof(uint64_t));
  a.peer.send(kj::mv(message));
  a.endsBy("malformed");
}

}  // namespace meridian::toy
