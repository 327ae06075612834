#include "actors/application/application.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/base/match.h"
#include "tests/covers.h"

namespace meridian::application {
namespace {

const Limits LIMITS{.deploysMax = 2};
const Instant NOW = instantFromNs(1'000'000'000'000);

ConfigPtr config(std::vector<std::string> classes) {
  auto result = std::make_shared<Config>();
  result->name = "shop";
  result->words = "words";
  for (auto& name: classes) {
    result->classes.push_back({ClassName(name), "rootfs:/srv/box", {MicroCpu(1), MemoryMib(1), DiskMb(1)}, 1, 80});
    result->routes.push_back({"/" + name + "/:id", ClassName(name)});
  }
  return result;
}

const ConfigPtr NOTHING = config({});

// An actor without host: keeps what its steps change and remembers what they ask for.
struct Driver {
  State state;
  Transient transient;
  std::vector<Effect> effects;         // of the last step
  Instant now = NOW;
  uint64_t lastToken = 0;

  void run(const Message& message) {
    auto result = step(state, std::move(transient), message, now, LIMITS);
    for (auto& change: result.changes) state = change;
    transient = std::move(result.transient);
    effects = std::move(result.effects);
  }

  void crash() {
    auto result = resume(state);
    transient = std::move(result.transient);
    effects = std::move(result.effects);
  }

  CallToken deploy(ConfigPtr wanted, Force force = Force::NO) {
    CallToken token(++lastToken);
    run(Deploy{token, "shop", std::move(wanted), force});
    return token;
  }

  CallToken remove(Force force = Force::NO) {
    CallToken token(++lastToken);
    run(Remove{token, NOTHING, force});
    return token;
  }

  std::vector<Call> calls() const {
    std::vector<Call> result;
    for (auto& effect: effects) {
      if (auto* call = std::get_if<Call>(&effect)) result.push_back(*call);
    }
    return result;
  }

  // Answers the calls of the last step, and of all that follow, as a world without trouble would.
  void finish() {
    for (;;) {
      auto made = calls();
      if (made.empty()) return;
      std::vector<Effect> following;
      for (auto& call: made) {
        answer(call);
        following.insert(following.end(), effects.begin(), effects.end());
      }
      effects = following;
    }
  }

  void answer(const Call& call) {
    std::visit(Match{
        [&](const Claim& claim) { run(Claimed{claim, "shop"}); },
        [&](const Retire& retire) { run(Retired{retire, 0}); },
        [&](const Configure&) { run(Done{call}); },
        [&](const Announce&) { run(Announced{{"g1"}}); },
        [&](const PushRoutes&) { run(Done{call}); },
        [&](const Forget&) { run(Done{call}); },
    }, call);
  }

  template <typename T>
  const T* reply(CallToken token) const {
    for (auto& effect: effects) {
      auto* found = std::get_if<Reply>(&effect);
      if (found != nullptr && found->token == token) return std::get_if<T>(&found->answer);
    }
    return nullptr;
  }

  void waitAndFire(Duration delay) {
    now += delay;
    run(AlarmFired{});
  }
};

Claim claim(const std::string& name) { return {ClassName(name)}; }
Retire retire(const std::string& name, Force force) { return {ClassName(name), force}; }
Configure configure(const std::string& name, uint32_t version) { return {ClassName(name), version}; }

Driver deployed(std::vector<std::string> classes) {
  Driver driver;
  driver.deploy(config(std::move(classes)));
  driver.finish();
  return driver;
}

std::vector<State> allStates() {
  auto next = config({"B", "C"});
  std::vector<Phase> phases = {Settled{}, Claiming{next, Force::NO}, Claiming{NOTHING, Force::YES}, Retiring{next, Force::NO},
                               Retiring{next, Force::YES}, Configuring{}, Announcing{}, Pushing{{"g1", "g2"}, NOW + LIMITS.pushFor},
                               Pushing{{"g1", "g2"}, NOW}, GivingBack{next, "no"}, Restoring{"no"}};
  REQUIRE(tests::coversAllAlternatives(phases));
  std::vector<State> states;
  for (auto& phase: phases) {
    for (auto& inForce: {config({"A", "B"}), NOTHING}) {
      for (auto retryAt: {NOW, NOW + std::chrono::seconds(1)}) {
        State state{4, NOW, inForce, phase, retryAt};
        if (std::holds_alternative<Settled>(phase)) state.retryAt.reset();
        states.push_back(state);
      }
    }
  }
  return states;
}

// A loaded state without calls to make (a crash cannot leave one) is no state that steps see.
bool canRest(const State& state) {
  return std::holds_alternative<Settled>(state.phase) || !resume(state).effects.empty();
}

std::vector<Message> allMessages() {
  std::vector<Call> calls = {Announce{}, Forget{}};
  for (auto* name: {"A", "B", "C"}) {
    calls.push_back(claim(name));
    calls.push_back(retire(name, Force::NO));
    calls.push_back(retire(name, Force::YES));
    calls.push_back(configure(name, 3));
    calls.push_back(configure(name, 4));
  }
  for (auto* gateway: {"g1", "g2"}) {
    for (uint32_t version: {3, 4}) calls.push_back(PushRoutes{gateway, version});
  }
  REQUIRE(tests::coversAllAlternatives(calls));

  CallToken token(100);
  auto wrong = std::make_shared<Config>(*config({"A"}));
  wrong->routes[0].path = "nowhere";
  std::vector<Message> messages = {
      Deploy{token, "shop", config({"A"}), Force::NO}, Deploy{token, "shop", config({"C", "D"}), Force::YES},
      Deploy{token, "shop", wrong, Force::NO}, Remove{token, NOTHING, Force::NO}, AlarmFired{},
      Announced{{}}, Announced{{"g1", "g2"}}};
  for (auto& call: calls) {
    messages.push_back(CallFailed{call});
    messages.push_back(Done{call});
    if (auto* claimCall = std::get_if<Claim>(&call)) {
      messages.push_back(Claimed{*claimCall, "shop"});
      messages.push_back(Claimed{*claimCall, "game"});
    }
    if (auto* retireCall = std::get_if<Retire>(&call)) {
      messages.push_back(Retired{*retireCall, 0});
      messages.push_back(Retired{*retireCall, 7});
    }
  }
  return messages;
}

bool isCall(const Message& message) {
  return std::visit(Match{
      [](const Deploy&) { return true; },
      [](const Remove&) { return true; },
      [](const Claimed&) { return false; },
      [](const Retired&) { return false; },
      [](const Announced&) { return false; },
      [](const Done&) { return false; },
      [](const CallFailed&) { return false; },
      [](const AlarmFired&) { return false; },
  }, message);
}

size_t answersTo(CallToken token, const std::vector<Effect>& effects) {
  return std::count_if(effects.begin(), effects.end(), [&](const Effect& effect) {
    return std::visit(Match{
        [&](const Reply& reply) { return reply.token == token; },
        [&](const Reject& reject) { return reject.token == token; },
        [&](const Call&) { return false; },
    }, effect);
  });
}

size_t waitingAs(CallToken token, const Transient& transient) {
  return (transient.caller == token ? 1 : 0) +
         std::count_if(transient.queue.begin(), transient.queue.end(), [&](auto& waiting) { return waiting.token == token; });
}

// Every deploy is answered or waits; a phase has calls to wait for and an alarm; calls go out as they are noted.
void expectSound(const Driver& driver, const Transient& before, const Message& message) {
  bool settled = std::holds_alternative<Settled>(driver.state.phase);
  REQUIRE(settled == driver.transient.calls.empty());
  REQUIRE(settled == !driver.state.retryAt);
  REQUIRE((!settled || (driver.transient.queue.empty() && !driver.transient.caller)));
  REQUIRE(driver.transient.queue.size() <= LIMITS.deploysMax);
  std::vector<CallToken> tokens;
  if (before.caller) tokens.push_back(*before.caller);
  for (auto& waiting: before.queue) tokens.push_back(waiting.token);
  if (isCall(message)) tokens.push_back(CallToken(100));
  for (auto& token: tokens) REQUIRE(answersTo(token, driver.effects) + waitingAs(token, driver.transient) == 1);
  for (auto& call: driver.calls()) {
    auto noted = driver.transient.calls.find(call);
    REQUIRE((noted != driver.transient.calls.end() && noted->second == CallState::UNDER_WAY));
  }
}

TEST_CASE("every message in every phase: deploys are answered once or wait, and a phase always has something to wait for") {
  auto messages = allMessages();
  REQUIRE(tests::coversAllAlternatives(messages));
  for (auto& state: allStates()) {
    if (!canRest(state)) continue;
    for (auto& message: messages) {
      for (bool callsFailed: {false, true}) {
        for (size_t queued: {0, 1, 2}) {
          Driver driver{.state = state};
          driver.crash();
          if (!std::holds_alternative<Settled>(state.phase)) {
            driver.transient.caller = CallToken(1);
            for (size_t i = 0; i < queued; ++i) driver.transient.queue.push_back({CallToken(2 + i), config({"B"}), Force::NO});
          }
          if (callsFailed) {
            for (auto& [call, callState]: driver.transient.calls) callState = CallState::FAILED;
          }
          auto before = driver.transient;
          driver.run(message);
          expectSound(driver, before, message);
        }
      }
    }
  }
}

TEST_CASE("the last answer of a phase leads on, whatever the answers are, until the application is settled") {
  for (auto& state: allStates()) {
    if (!canRest(state)) continue;
    for (auto& owner: {"shop", "game"}) {
      for (uint32_t busy: {0, 7}) {
        Driver driver{.state = state};
        driver.crash();
        size_t steps = 0;
        while (!driver.transient.calls.empty()) {
          REQUIRE(++steps < 100);
          auto call = driver.transient.calls.begin()->first;
          if (auto* claimCall = std::get_if<Claim>(&call)) {
            driver.run(Claimed{*claimCall, owner});
          } else if (auto* retireCall = std::get_if<Retire>(&call)) {
            driver.run(Retired{*retireCall, retireCall->force == Force::YES ? 0 : busy});
          } else {
            driver.answer(call);
          }
        }
        REQUIRE(std::holds_alternative<Settled>(driver.state.phase));
      }
    }
  }
}

TEST_CASE("a first deploy claims, configures, announces, pushes and then answers with version 1") {
  Driver driver;
  auto token = driver.deploy(config({"A", "B"}));
  CHECK(driver.calls() == std::vector<Call>{claim("A"), claim("B")});
  driver.answer(claim("A"));
  CHECK(driver.calls().empty());
  driver.answer(claim("B"));
  CHECK(driver.calls() == std::vector<Call>{configure("A", 1), configure("B", 1)});
  driver.answer(configure("A", 1));
  driver.answer(configure("B", 1));
  CHECK(driver.calls() == std::vector<Call>{Announce{}});
  driver.run(Announced{{"g1", "g2"}});
  CHECK(driver.calls() == std::vector<Call>{PushRoutes{"g1", 1}, PushRoutes{"g2", 1}});
  driver.answer(PushRoutes{"g1", 1});
  CHECK(driver.reply<Deployed>(token) == nullptr);
  driver.answer(PushRoutes{"g2", 1});
  REQUIRE(driver.reply<Deployed>(token) != nullptr);
  CHECK(driver.reply<Deployed>(token)->version == 1);
  CHECK(!alarmAt(driver.state));
}

TEST_CASE("a class that goes away is retired before the new version is in force") {
  auto driver = deployed({"A", "B"});
  driver.deploy(config({"B", "C"}));
  driver.answer(claim("B"));
  driver.answer(claim("C"));
  CHECK(driver.calls() == std::vector<Call>{retire("A", Force::NO)});
  CHECK(driver.state.version == 1);
  driver.run(Retired{retire("A", Force::NO), 0});
  CHECK(driver.state.version == 2);
  CHECK(driver.state.config->classes.at(1).name == ClassName("C"));
}

TEST_CASE("a class of another application refuses the deploy, the claims go back and nothing has changed") {
  auto driver = deployed({"A"});
  auto token = driver.deploy(config({"B", "C"}));
  driver.run(Claimed{claim("B"), "game"});
  CHECK(driver.calls().empty());               // C is still under way
  driver.run(Claimed{claim("C"), "shop"});
  CHECK(driver.calls() == std::vector<Call>{retire("B", Force::YES), retire("C", Force::YES), claim("A")});
  driver.finish();
  REQUIRE(driver.reply<Refused>(token) != nullptr);
  CHECK(driver.reply<Refused>(token)->reason == "class B belongs to application game");
  CHECK(driver.state.version == 1);
}

TEST_CASE("a class in use refuses the deploy by name, and what was retired is claimed and configured again") {
  auto driver = deployed({"A", "B"});
  auto token = driver.deploy(config({"C"}));
  driver.answer(claim("C"));
  driver.run(Retired{retire("A", Force::NO), 0});
  driver.run(Retired{retire("B", Force::NO), 2});
  CHECK(driver.calls() == std::vector<Call>{retire("C", Force::YES), claim("A"), claim("B")});
  for (auto& call: driver.calls()) driver.answer(call);
  CHECK(driver.calls() == std::vector<Call>{configure("A", 1), configure("B", 1)});
  driver.finish();
  REQUIRE(driver.reply<Refused>(token) != nullptr);
  CHECK(driver.reply<Refused>(token)->reason ==
        "class B goes away and still has 2 instances; stop them, or use force");
}

TEST_CASE("a class that another application took while it was retired is named in the refusal") {
  auto driver = deployed({"A", "B"});
  auto token = driver.deploy(config({"C"}));
  driver.answer(claim("C"));
  driver.run(Retired{retire("A", Force::NO), 0});
  driver.run(Retired{retire("B", Force::NO), 1});
  driver.answer(retire("C", Force::YES));
  driver.run(Claimed{claim("A"), "game"});
  driver.answer(claim("B"));
  driver.finish();
  REQUIRE(driver.reply<Refused>(token) != nullptr);
  CHECK(driver.reply<Refused>(token)->reason ==
        "class B goes away and still has 1 instance; stop them, or use force; class A belongs to application game");
}

TEST_CASE("force is passed on to the classes that go away") {
  auto driver = deployed({"A"});
  driver.deploy(config({"B"}), Force::YES);
  driver.answer(claim("B"));
  CHECK(driver.calls() == std::vector<Call>{retire("A", Force::YES)});
}

TEST_CASE("a config that is wrong is refused at the border, and no call is made") {
  Driver driver;
  auto wrong = std::make_shared<Config>(*config({"A"}));
  wrong->routes[0].containerClass = ClassName("Z");
  auto token = driver.deploy(wrong);
  REQUIRE(driver.reply<Refused>(token) != nullptr);
  CHECK(driver.reply<Refused>(token)->reason == "routes[0].className: not declared (\"Z\"); allowed: a class of this application");
  CHECK(driver.calls().empty());
}

TEST_CASE("remove retires all classes, pushes an empty table and is then forgotten") {
  auto driver = deployed({"A"});
  auto token = driver.remove();
  CHECK(driver.calls() == std::vector<Call>{retire("A", Force::NO)});
  driver.run(Retired{retire("A", Force::NO), 0});
  CHECK(driver.calls() == std::vector<Call>{Announce{}});
  driver.run(Announced{{"g1"}});
  CHECK(driver.calls() == std::vector<Call>{PushRoutes{"g1", 2}, Forget{}});
  CHECK(driver.state.config->routes.empty());
  driver.answer(PushRoutes{"g1", 2});
  driver.answer(Forget{});
  REQUIRE(driver.reply<Deployed>(token) != nullptr);
  CHECK(driver.reply<Deployed>(token)->version == 2);
}

TEST_CASE("removing what is not deployed is refused") {
  Driver driver;
  auto token = driver.remove();
  REQUIRE(driver.reply<Refused>(token) != nullptr);
  CHECK(driver.reply<Refused>(token)->reason == "application shop is not deployed");
}

TEST_CASE("a second deploy waits its turn; one too many is rejected") {
  Driver driver;
  driver.deploy(config({"A"}));
  auto second = driver.deploy(config({"B"}));
  auto third = driver.remove();
  driver.deploy(config({"D"}));
  CHECK(std::get<Reject>(driver.effects.at(0)).reason == "2 deploys of application shop wait already");
  std::map<CallToken, uint32_t> versions;
  while (!driver.transient.calls.empty()) {
    driver.answer(driver.transient.calls.begin()->first);
    for (auto& token: {second, third}) {
      if (auto* found = driver.reply<Deployed>(token)) versions[token] = found->version;
    }
  }
  CHECK(versions == std::map<CallToken, uint32_t>{{second, 2}, {third, 3}});
  CHECK(declaresNothing(*driver.state.config));
}

TEST_CASE("a call that failed is made again by the alarm, with a growing pause") {
  Driver driver;
  driver.deploy(config({"A", "B"}));
  driver.run(CallFailed{claim("A")});
  CHECK(driver.calls().empty());
  auto first = *alarmAt(driver.state) - driver.now;
  driver.waitAndFire(first);
  CHECK(driver.calls() == std::vector<Call>{claim("A")});      // B is still under way
  CHECK(*alarmAt(driver.state) - driver.now == 2 * first);
  for (int i = 0; i < 20; ++i) driver.waitAndFire(LIMITS.retryMax);
  CHECK(*alarmAt(driver.state) - driver.now == LIMITS.retryMax);
}

TEST_CASE("an alarm that comes early changes nothing") {
  Driver driver;
  driver.deploy(config({"A"}));
  driver.run(CallFailed{claim("A")});
  auto at = alarmAt(driver.state);
  driver.run(AlarmFired{});
  CHECK(driver.effects.empty());
  CHECK(alarmAt(driver.state) == at);
}

TEST_CASE("a gateway that does not answer holds a deploy up until the deadline and no longer") {
  Driver driver;
  auto token = driver.deploy(config({"A"}));
  driver.answer(claim("A"));
  driver.answer(configure("A", 1));
  driver.run(Announced{{"g1", "g2"}});
  auto deadline = driver.now + LIMITS.pushFor;
  driver.answer(PushRoutes{"g1", 1});
  driver.run(CallFailed{PushRoutes{"g2", 1}});
  while (driver.reply<Deployed>(token) == nullptr) {
    REQUIRE(driver.now < deadline);
    driver.waitAndFire(*alarmAt(driver.state) - driver.now);
    for (auto& call: driver.calls()) driver.run(CallFailed{call});
    if (driver.now == deadline) break;
  }
  CHECK(driver.now == deadline);
  CHECK(std::holds_alternative<Settled>(driver.state.phase));
}

TEST_CASE("a late answer to an earlier version's push does not count for this one's") {
  auto driver = deployed({"A"});
  driver.deploy(config({"A"}));
  driver.answer(claim("A"));
  driver.answer(configure("A", 2));
  driver.run(Announced{{"g1"}});
  driver.run(Done{PushRoutes{"g1", 1}});
  CHECK(std::holds_alternative<Pushing>(driver.state.phase));
  driver.run(Done{PushRoutes{"g1", 2}});
  CHECK(std::holds_alternative<Settled>(driver.state.phase));
}

TEST_CASE("an application is not at rest before its deploys are done") {
  Driver driver;
  CHECK(resting(driver.state, driver.transient));
  driver.deploy(config({"A"}));
  CHECK(!resting(driver.state, driver.transient));
  driver.finish();
  CHECK(resting(driver.state, driver.transient));
}

}  // namespace
}  // namespace meridian::application
