#include "actors/class/class.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/base/check.h"
#include "runtime/base/match.h"
#include "tests/covers.h"

namespace meridian::container_class {
namespace {

using std::chrono::seconds;
using Holds = HolderAnswered::Holds;

const Limits LIMITS{.sweepBatch = 2};
const Instant NOW = instantFromNs(1'000'000'000'000);
const CallToken TOKEN(1);

Spec spec(const std::string& application, uint32_t version, uint32_t maxInstances = 3) {
  return {application, version, maxInstances, "words of " + application + " " + std::to_string(version)};
}

// An actor without host: keeps what its steps change and remembers what they ask for.
struct Driver {
  State state;
  Transient transient;
  std::vector<Effect> effects;         // of the last step
  Limits limits = LIMITS;
  Instant now = NOW;

  void run(const Message& message) {
    auto result = step(state, transient, message, now, limits);
    for (auto& change: result.changes) container_class::apply(state, change);
    transient = result.transient;
    effects = result.effects;
  }

  void crash() {
    auto result = resume(state, now, limits);
    transient = result.transient;
    effects = result.effects;
  }

  template <typename T>
  T answer() {
    REQUIRE(effects.size() == 1);
    return std::get<T>(std::get<Reply>(effects[0]).answer);
  }

  template <typename Outcome>
  bool acquires(const std::string& id, uint64_t generation) {
    run(Acquire{TOKEN, id, Generation(generation)});
    return std::holds_alternative<Outcome>(answer<PermitOutcome>());
  }

  void release(const std::string& id, uint64_t generation) { run(Release{TOKEN, id, Generation(generation)}); }

  uint32_t retire(const std::string& application, Force force) {
    run(Retire{TOKEN, application, force});
    return answer<Busy>().permits;
  }

  std::string claim(const std::string& application) {
    run(Claim{TOKEN, application});
    return answer<Owner>().application;
  }

  std::vector<std::string> asked() const {
    std::vector<std::string> ids;
    for (auto& effect: effects) {
      if (auto* question = std::get_if<AskHolder>(&effect)) ids.push_back(question->id);
    }
    return ids;
  }

  void waitAndFire(Duration delay) {
    now += delay;
    run(AlarmFired{});
  }
};

Driver configured(uint32_t maxInstances = 3) {
  Driver driver;
  driver.run(Claim{TOKEN, "shop"});
  driver.run(Configure{TOKEN, spec("shop", 1, maxInstances)});
  return driver;
}

// Every shape a class can have, beyond the alternatives of its ownership.
std::vector<State> allStates() {
  std::map<std::string, Permit> some = {{"a", {Generation(5), NOW - seconds(100)}}};
  std::map<std::string, Permit> many = {{"a", {Generation(5), NOW - seconds(100)}}, {"b", {Generation(1), NOW}},
                                        {"c", {Generation(2), NOW - seconds(100)}}, {"d", {Generation(1), NOW}}};
  std::vector<Ownership> ownerships = {Unclaimed{}, Claimed{"shop"}, Claimed{"other"}, Configured{spec("shop", 1)},
                                       Configured{spec("other", 2)}};
  std::vector<std::optional<PermitSweep>> sweeps = {PermitSweep{NOW, {}}, PermitSweep{NOW + seconds(1), {}},
                                                    PermitSweep{NOW, "b"}, PermitSweep{NOW, "z"}};
  std::vector<State> states;
  for (auto& ownership: ownerships) {
    states.push_back({ownership, {}, {}});
    for (auto& sweep: sweeps) {
      states.push_back({ownership, {}, sweep});
      states.push_back({ownership, some, sweep});
      states.push_back({ownership, many, sweep});
    }
  }
  return states;
}

std::vector<Message> allMessages() {
  std::vector<Message> messages = {AlarmFired{}};
  for (auto& application: {"shop", "other"}) {
    messages.push_back(Claim{TOKEN, application});
    messages.push_back(Configure{TOKEN, spec(application, 1)});
    messages.push_back(Configure{TOKEN, spec(application, 2, 1)});
    messages.push_back(Retire{TOKEN, application, Force::NO});
    messages.push_back(Retire{TOKEN, application, Force::YES});
  }
  for (auto& id: {"a", "e"}) {
    for (uint64_t generation: {4, 5, 6}) {
      messages.push_back(Acquire{TOKEN, id, Generation(generation)});
      messages.push_back(Release{TOKEN, id, Generation(generation)});
      messages.push_back(HolderAnswered{id, Generation(generation), Holds::YES});
      messages.push_back(HolderAnswered{id, Generation(generation), Holds::NO});
      messages.push_back(HolderUnreachable{id, Generation(generation)});
    }
  }
  return messages;
}

bool isCall(const Message& message) {
  return std::visit(Match{
      [](const Claim&) { return true; },
      [](const Configure&) { return true; },
      [](const Retire&) { return true; },
      [](const Acquire&) { return true; },
      [](const Release&) { return true; },
      [](const AlarmFired&) { return false; },
      [](const HolderAnswered&) { return false; },
      [](const HolderUnreachable&) { return false; },
  }, message);
}

size_t answers(const std::vector<Effect>& effects) {
  return std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
    return std::holds_alternative<Reply>(effect) || std::holds_alternative<Reject>(effect);
  });
}

TEST_CASE("every message in every state: each call is answered once, each permit stays under reconciliation") {
  auto states = allStates();
  auto messages = allMessages();
  std::vector<Ownership> ownerships;
  for (auto& state: states) ownerships.push_back(state.ownership);
  REQUIRE(tests::coversAllAlternatives(ownerships));
  REQUIRE(tests::coversAllAlternatives(messages));

  for (auto& state: states) {
    for (auto& message: messages) {
      for (size_t asked: {1, 2}) {
        Driver driver{.state = state, .transient = {.asked = asked}};
        driver.run(message);
        REQUIRE(answers(driver.effects) == (isCall(message) ? 1 : 0));
        REQUIRE((driver.state.permits.empty() || driver.state.sweep));
        REQUIRE(driver.state.permits.size() <= state.permits.size() + 1);

        // What can come twice changes nothing the second time. (A batch can not: the alarm moves with it.)
        if (isCall(message)) {
          auto once = driver.state;
          driver.run(message);
          REQUIRE(driver.state == once);
        }
      }
    }
  }
}

TEST_CASE("the first application that claims a class has it, and everybody is told so") {
  Driver driver;
  CHECK(driver.claim("shop") == "shop");
  CHECK(driver.claim("other") == "shop");
  CHECK(driver.claim("shop") == "shop");
}

TEST_CASE("a class that nobody has configured is unknown") {
  Driver driver;
  CHECK(driver.acquires<Unknown>("a", 1));
  driver.claim("shop");
  CHECK(driver.acquires<Unknown>("a", 1));
}

TEST_CASE("only the owner configures, and only with a newer version") {
  auto driver = configured();
  driver.run(Configure{TOKEN, spec("other", 9)});
  CHECK(driver.state.ownership == Ownership(Configured{spec("shop", 1)}));
  driver.run(Configure{TOKEN, spec("shop", 2)});
  driver.run(Configure{TOKEN, spec("shop", 1)});
  CHECK(driver.state.ownership == Ownership(Configured{spec("shop", 2)}));
}

TEST_CASE("a permit is granted with the spec in force until the class is full") {
  auto driver = configured(2);
  driver.run(Acquire{TOKEN, "a", Generation(1)});
  CHECK(std::get<Granted>(driver.answer<PermitOutcome>()).spec == "words of shop 1");
  CHECK(driver.acquires<Granted>("b", 1));
  driver.run(Acquire{TOKEN, "c", Generation(1)});
  CHECK(std::get<Full>(driver.answer<PermitOutcome>()).maxInstances == 2);
  driver.release("a", 1);
  CHECK(driver.acquires<Granted>("c", 1));
}

TEST_CASE("acquiring again changes nothing, and a newer generation takes the permit over even when the class is full") {
  auto driver = configured(1);
  CHECK(driver.acquires<Granted>("a", 1));
  auto once = driver.state;
  CHECK(driver.acquires<Granted>("a", 1));
  CHECK(driver.state == once);
  CHECK(driver.acquires<Granted>("a", 2));
  CHECK(driver.state.permits.at("a").generation == Generation(2));
}

TEST_CASE("an older generation than the one that has the permit is rejected by name") {
  auto driver = configured();
  driver.acquires<Granted>("a", 5);
  driver.run(Acquire{TOKEN, "a", Generation(4)});
  CHECK(std::get<Reject>(driver.effects.at(0)).reason == "generation 4 of a is out of date; generation 5 has the permit");
}

TEST_CASE("a release frees its own and older generations, never a newer one") {
  auto driver = configured();
  driver.acquires<Granted>("a", 5);
  driver.release("a", 4);
  CHECK(driver.state.permits.count("a") == 1);
  driver.release("a", 5);
  CHECK(driver.state.permits.empty());
  driver.acquires<Granted>("a", 6);
  driver.release("a", 7);
  CHECK(driver.state.permits.empty());
}

TEST_CASE("lowering maxInstances revokes nothing, and grants nothing before enough are released") {
  auto driver = configured(3);
  for (auto& id: {"a", "b", "c"}) driver.acquires<Granted>(id, 1);
  driver.run(Configure{TOKEN, spec("shop", 2, 1)});
  CHECK(driver.state.permits.size() == 3);
  CHECK(driver.acquires<Granted>("a", 1));
  driver.release("a", 1);
  driver.release("b", 1);
  CHECK(driver.acquires<Full>("a", 2));
  driver.release("c", 1);
  CHECK(driver.acquires<Granted>("a", 2));
}

TEST_CASE("permits stay under the class's own limit whatever maxInstances says") {
  auto driver = configured(UINT32_MAX);
  driver.limits.permitsMax = 1;
  CHECK(driver.acquires<Granted>("a", 1));
  CHECK(driver.acquires<Full>("b", 1));
}

TEST_CASE("a class with permits is given up only with force, and the permits stay until they are released") {
  auto driver = configured();
  driver.acquires<Granted>("a", 1);
  CHECK(driver.retire("shop", Force::NO) == 1);
  CHECK(driver.acquires<Granted>("b", 1));
  CHECK(driver.retire("shop", Force::YES) == 0);
  CHECK(driver.acquires<Unknown>("c", 1));
  CHECK(driver.state.permits.size() == 2);
  driver.release("a", 1);
  CHECK(driver.state.permits.size() == 1);
}

TEST_CASE("retiring a class of another application, or twice, changes nothing") {
  auto driver = configured();
  CHECK(driver.retire("other", Force::YES) == 0);
  CHECK(driver.claim("other") == "shop");
  CHECK(driver.retire("shop", Force::NO) == 0);
  CHECK(driver.retire("shop", Force::NO) == 0);
  CHECK(driver.claim("other") == "other");
}

TEST_CASE("a late configure of an application that gave the class up is ignored") {
  auto driver = configured();
  driver.retire("shop", Force::NO);
  driver.run(Configure{TOKEN, spec("shop", 2)});
  CHECK(driver.acquires<Unknown>("a", 1));
}

TEST_CASE("old permits are reconciled in batches, young ones are left alone") {
  auto driver = configured(10);
  for (auto& id: {"a", "b", "c"}) driver.acquires<Granted>(id, 1);
  CHECK(alarmAt(driver.state) == NOW + LIMITS.sweepEvery);

  driver.waitAndFire(LIMITS.sweepEvery);
  CHECK(driver.asked() == std::vector<std::string>{"a", "b"});
  driver.run(HolderAnswered{"a", Generation(1), Holds::YES});
  driver.run(HolderAnswered{"b", Generation(1), Holds::NO});
  driver.acquires<Granted>("d", 1);

  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked() == std::vector<std::string>{"c"});
  CHECK(alarmAt(driver.state) == driver.now + LIMITS.sweepEvery);
  CHECK(driver.state.permits.count("a") == 1);
  CHECK(driver.state.permits.count("b") == 0);
}

TEST_CASE("a batch waits for the answers to the one before") {
  auto driver = configured();
  driver.acquires<Granted>("a", 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  REQUIRE(driver.asked().size() == 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  CHECK(driver.asked().empty());
  driver.run(HolderUnreachable{"a", Generation(1)});
  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked().size() == 1);
}

TEST_CASE("an answer about an older generation does not free the permit of a newer one") {
  auto driver = configured();
  driver.acquires<Granted>("a", 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  driver.acquires<Granted>("a", 2);
  driver.run(HolderAnswered{"a", Generation(1), Holds::NO});
  CHECK(driver.state.permits.at("a").generation == Generation(2));
}

TEST_CASE("a holder that cannot be asked keeps its permit") {
  auto driver = configured();
  driver.acquires<Granted>("a", 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  driver.run(HolderUnreachable{"a", Generation(1)});
  CHECK(driver.state.permits.count("a") == 1);
}

TEST_CASE("a round goes on after a crash where it stood") {
  auto driver = configured(10);
  for (auto& id: {"a", "b", "c"}) driver.acquires<Granted>(id, 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  driver.crash();
  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked() == std::vector<std::string>{"c"});
}

TEST_CASE("reconciliation ends when no permit is left") {
  auto driver = configured();
  driver.acquires<Granted>("a", 1);
  driver.release("a", 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  CHECK(!alarmAt(driver.state));
}

// A model that knows nothing of the implementation: who holds what, under which limit.
TEST_CASE("over random histories permits never exceed maxInstances, and none is lost or leaked") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    auto max = static_cast<uint32_t>(1 + random.below(4));
    auto driver = configured(max);
    std::map<std::string, uint64_t> running;       // the truth, which the supervisors know
    std::map<std::string, uint64_t> last;
    for (int i = 0; i < 200; ++i) {
      std::string id(1, static_cast<char>('a' + random.below(6)));
      switch (random.below(4)) {
        case 0: {
          if (running.count(id) != 0) break;
          auto generation = ++last[id];
          if (driver.acquires<Granted>(id, generation)) running[id] = generation;
          break;
        }
        case 1: {
          if (running.count(id) == 0) break;
          if (random.below(2) == 0) driver.release(id, running[id]);     // else the release is lost
          running.erase(id);
          break;
        }
        case 2: {
          driver.waitAndFire(seconds(random.below(90)));
          for (auto& effect: std::vector(driver.effects)) {
            auto& question = std::get<AskHolder>(effect);
            auto holder = running.find(question.id);
            bool holds = holder != running.end() && Generation(holder->second) == question.generation;
            if (random.below(4) == 0) {
              driver.run(HolderUnreachable{question.id, question.generation});
            } else {
              driver.run(HolderAnswered{question.id, question.generation, holds ? Holds::YES : Holds::NO});
            }
          }
          break;
        }
        case 3: driver.crash(); break;
      }
      REQUIRE(driver.state.permits.size() <= max);
      for (auto& [holder, generation]: running) REQUIRE(driver.state.permits.at(holder).generation == Generation(generation));
    }
    // With all answers given, what leaked comes back.
    for (int i = 0; i < 10; ++i) {
      driver.waitAndFire(seconds(120));
      for (auto& effect: std::vector(driver.effects)) {
        auto& question = std::get<AskHolder>(effect);
        driver.run(HolderAnswered{question.id, question.generation, running.count(question.id) != 0 ? Holds::YES : Holds::NO});
      }
    }
    REQUIRE(driver.state.permits.size() == running.size());
  }
}

}  // namespace
}  // namespace meridian::container_class
