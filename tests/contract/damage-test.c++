// Clause 9 of the contract where the disk lies: a stored value with a flipped bit sets its actor aside, named with its key, when it
// is read, and no other. Every row that the host keeps is damaged in turn.
#include <catch2/catch.hpp>

#include "runtime/actor/store-keys.h"
#include "tests/contract/counter-calls.h"
#include "tests/contract/toy-world.h"

namespace meridian::toy {
namespace {

const std::vector<std::string> NAMES{"a", "b", "c", "d"};
constexpr int64_t ALARM_MS = 60'000;

kj::Promise<bool> alarmIn(Counter::Client counter, int64_t ms) {
  auto request = counter.alarmInRequest();
  request.setMs(ms);
  return request.send().then([](auto&&) { return true; });
}

kj::Promise<bool> setKey(Counter::Client counter, const std::string& key) {
  auto request = counter.setRequest();
  request.setKey(key);
  request.setValue("value of " + key);
  return request.send().then([](auto&&) { return true; });
}

kj::Promise<size_t> keyCount(Counter::Client counter) {
  return counter.keysRequest().send().then([](auto&& answer) -> size_t { return answer.getKeys().size(); });
}

kj::Promise<uint32_t> rings(Counter::Client counter) {
  return counter.ringsRequest().send().then([](auto&& answer) { return answer.getCount(); });
}

// Counters with several keys and an alarm each.
class Counters {
 public:
  explicit Counters(size_t shards): world_(shards) {
    for (const auto& name : NAMES) {
      world_.finish(incremented(world_.counter(name), 1));
      world_.finish(setKey(world_.counter(name), "k1"));
      world_.finish(setKey(world_.counter(name), "k2"));
      world_.finish(alarmIn(world_.counter(name), ALARM_MS));
    }
  }

  std::vector<std::string> rows() {
    std::vector<std::string> keys;
    for (const auto& [key, value] : world_.disk().contents().rows) keys.push_back(key);
    return keys;
  }

  std::string ownerOf(const std::string& key) {
    const auto& rows = world_.disk().contents().rows;
    if (key[0] == 'N') return actor::nameKeyAddress(key).name;
    if (key[0] == 'A') return actor::decodeAddress(rows.at(key)).name;
    for (const auto& name : NAMES) {
      if (key.substr(1).starts_with(rows.at(actor::nameKey({"Counter", name})))) return name;
    }
    return "";
  }

  // And a new process on the same disk, which has nothing in memory.
  void damage(const std::string& key) {
    world_.disk().damage(key);
    world_.crash();
  }

  // What comes of reading all that the counter has; its alarm is set anew.
  kj::Maybe<kj::Exception> use(const std::string& name) {
    return kj::runCatchingExceptions([&]() {
      KJ_REQUIRE(world_.finish(value(world_.counter(name))) == 1);
      KJ_REQUIRE(world_.finish(keyCount(world_.counter(name))) == 4);
      world_.finish(alarmIn(world_.counter(name), ALARM_MS));
    });
  }

  uint32_t ringsLater(const std::string& name) {
    world_.advance(std::chrono::milliseconds(2 * ALARM_MS));
    world_.commitAll();
    return world_.finish(rings(world_.counter(name)));
  }

 private:
  ToyWorld world_;
};

}  // namespace

TEST_CASE("a damaged value sets aside its own actor, by name and key, and no other") {
  size_t shards = GENERATE(1, 2);
  auto rows = Counters(shards).rows();
  REQUIRE(rows.size() == NAMES.size() * 7);   // its name, four keys, an alarm in two places
  for (size_t i = 0; i < rows.size(); i++) {
    Counters counters(shards);
    auto key = counters.rows()[i];
    auto owner = counters.ownerOf(key);
    REQUIRE(!owner.empty());
    CAPTURE(owner, actor::describeKey(key));
    counters.damage(key);
    for (const auto& name : NAMES) {
      auto failure = counters.use(name);
      if (name != owner) {
        CHECK(failure == nullptr);
        continue;
      }
      auto& error = KJ_REQUIRE_NONNULL(failure);
      CHECK(error.getType() == kj::Exception::Type::FAILED);
      CHECK_THAT(error.getDescription().cStr(), Catch::Contains("set aside") && Catch::Contains("= " + owner) &&
                                                    Catch::Contains(actor::describeKey(key)));
      // It stays so.
      CHECK(counters.use(name) != nullptr);
    }
    for (const auto& name : NAMES) {
      if (name != owner) CHECK(counters.ringsLater(name) == 1);
    }
  }
}

}  // namespace meridian::toy
