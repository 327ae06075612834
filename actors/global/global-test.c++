#include "actors/global/global.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/base/random.h"
#include "tests/covers.h"

namespace meridian::global {
namespace {

const Limits LIMITS{.locationsMax = 3, .gatewaysMax = 2, .applicationsMax = 2};
const Instant NOW = instantFromNs(1'000'000'000'000);
const CallToken TOKEN(1);

Resources size(uint64_t units) { return {MicroCpu(units), MemoryMib(units), DiskMb(units)}; }

const InstanceKey ALICE{{ClassName("Sandbox"), "alice"}, Generation(1)};

struct Driver {
  State state;
  std::vector<Effect> effects;         // of the last step
  size_t changes = 0;                  // of the last step
  Instant now = NOW;

  void run(const Message& message) {
    auto result = step(state, message, now, LIMITS);
    for (auto& change: result.changes) global::apply(state, change);
    effects = result.effects;
    changes = result.changes.size();
  }

  template <typename T>
  T answer() {
    REQUIRE(effects.size() == 1);
    return std::get<T>(std::get<Reply>(effects[0]).answer);
  }

  std::string rejected() { return std::get<Reject>(effects.at(0)).reason; }

  void report(const std::string& location, uint64_t total, uint64_t free) {
    run(ReportLocation{TOKEN, LocationId(location), size(total), size(free)});
  }

  std::string place(uint64_t need, std::vector<std::string> avoid = {}) {
    run(Place{TOKEN, ALICE, size(need), std::move(avoid)});
    auto decision = answer<Decided>().decision;
    auto* plan = std::get_if<placement::Plan>(&decision);
    return plan == nullptr ? "" : plan->chosen;
  }
};

std::vector<State> allStates() {
  Driver some;
  some.report("ams", 100, 50);
  some.run(AddGateway{TOKEN, GatewayId("g1")});
  some.run(AddApplication{TOKEN, "shop"});
  Driver full = some;
  full.report("nrt", 100, 0);
  full.report("cdg", 0, 0);
  full.run(AddGateway{TOKEN, GatewayId("g2")});
  full.run(AddApplication{TOKEN, "game"});
  return {{}, some.state, full.state};
}

std::vector<Message> allMessages() {
  std::vector<Message> messages;
  for (auto& location: {"ams", "lax"}) {
    messages.push_back(ReportLocation{TOKEN, LocationId(location), size(100), size(50)});
    messages.push_back(ReportLocation{TOKEN, LocationId(location), size(100), size(20)});
    messages.push_back(ReportLocation{TOKEN, LocationId(location), size(0), size(0)});
    messages.push_back(ReportLocation{TOKEN, LocationId(location), size(10), size(20)});
  }
  for (auto need: {0ull, 10ull, 1'000ull, ~0ull}) {
    messages.push_back(Place{TOKEN, ALICE, size(need), {}});
    messages.push_back(Place{TOKEN, ALICE, size(need), {"ams", "unheard-of"}});
  }
  for (auto& gateway: {"g1", "g9"}) messages.push_back(AddGateway{TOKEN, GatewayId(gateway)});
  for (auto& application: {"shop", "other"}) {
    messages.push_back(AddApplication{TOKEN, application});
    messages.push_back(RemoveApplication{TOKEN, application});
  }
  return messages;
}

TEST_CASE("every message in every state of the global scheduler is answered once, and again changes nothing") {
  auto messages = allMessages();
  REQUIRE(tests::coversAllAlternatives(messages));
  for (auto& state: allStates()) {
    for (auto& message: messages) {
      Driver driver{.state = state};
      driver.run(message);
      REQUIRE(driver.effects.size() == 1);
      REQUIRE(driver.state.locations.size() <= LIMITS.locationsMax);
      REQUIRE(driver.state.gateways.size() <= LIMITS.gatewaysMax);
      REQUIRE(driver.state.applications.size() <= LIMITS.applicationsMax);
      driver.run(message);
      REQUIRE(driver.changes == 0);
    }
  }
}

TEST_CASE("a placement writes nothing and goes to the location with the most room") {
  Driver driver;
  driver.report("ams", 100, 40);
  driver.report("nrt", 100, 60);
  CHECK(driver.place(10) == "nrt");
  CHECK(driver.changes == 0);
  CHECK(driver.place(10, {"nrt"}) == "ams");
  CHECK(driver.place(10, {"nrt", "ams"}) == "");
  CHECK(driver.place(50, {"nrt"}) == "");
}

TEST_CASE("a newer summary replaces the one before; the same again is not written") {
  Driver driver;
  driver.report("ams", 100, 40);
  driver.report("ams", 100, 40);
  CHECK(driver.changes == 0);
  driver.now += std::chrono::seconds(1);
  driver.report("ams", 100, 0);
  CHECK(driver.state.locations.at(LocationId("ams")).reportedAt == driver.now);
  CHECK(driver.place(10) == "");
}

TEST_CASE("a summary with more free than there is in all is rejected") {
  Driver driver;
  driver.report("ams", 10, 20);
  CHECK(driver.rejected() == "location ams reports more free than it has in all");
  CHECK(driver.state == State{});
}

TEST_CASE("gateways and applications meet whichever comes first") {
  Driver driver;
  driver.run(AddGateway{TOKEN, GatewayId("g1")});
  CHECK(driver.answer<Applications>().names.empty());
  driver.run(AddApplication{TOKEN, "shop"});
  CHECK(driver.answer<Gateways>().names == std::vector<std::string>{"g1"});
  driver.run(AddGateway{TOKEN, GatewayId("g2")});
  CHECK(driver.answer<Applications>().names == std::vector<std::string>{"shop"});
  driver.run(RemoveApplication{TOKEN, "shop"});
  driver.run(AddGateway{TOKEN, GatewayId("g1")});
  CHECK(driver.answer<Applications>().names.empty());
}

TEST_CASE("what is over a limit is rejected by name, what is known stays welcome") {
  Driver driver;
  for (auto& name: {"a", "b", "c"}) driver.report(name, 1, 1);
  driver.report("d", 1, 1);
  CHECK(driver.rejected() == "location d is one too many; allowed in a platform: 3");
  driver.report("a", 2, 1);
  CHECK(driver.changes == 1);
  for (auto& name: {"g1", "g2", "g3"}) driver.run(AddGateway{TOKEN, GatewayId(name)});
  CHECK(driver.rejected() == "gateway g3 is one too many; allowed in a platform: 2");
  for (auto& name: {"shop", "game", "other"}) driver.run(AddApplication{TOKEN, name});
  CHECK(driver.rejected() == "application other is one too many; allowed in a platform: 2");
}

// Locations decide on their own truth: whatever order reports and starts come in, a start that finds a refusal and avoids that
// location ends, with a place if any location that was ever reported with room still has it.
TEST_CASE("with stale summaries a start ends after at most one try at each location") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    Driver driver;
    std::map<std::string, uint64_t> truth = {{"ams", 100}, {"nrt", 80}, {"cdg", 60}};
    for (auto& [name, free]: truth) driver.report(name, 100, free);
    for (int i = 0; i < 100; ++i) {
      auto need = 1 + random.below(20);
      std::vector<std::string> avoid;
      size_t tries = 0;
      for (;;) {
        auto chosen = driver.place(need, avoid);
        if (chosen.empty()) break;
        REQUIRE(++tries <= truth.size());
        REQUIRE(std::find(avoid.begin(), avoid.end(), chosen) == avoid.end());
        if (truth[chosen] >= need) {
          truth[chosen] -= need;
          break;
        }
        avoid.push_back(chosen);
      }
      if (random.below(4) == 0) {
        for (auto& [name, free]: truth) driver.report(name, 100, free);
      }
    }
  }
}

}  // namespace
}  // namespace meridian::global
