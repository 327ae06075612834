// Applications in a small world of classes, gateways and a global scheduler: random deploys, failures and crashes from a seed. Every
// call is made for real on the world, some twice, some without an answer.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "actors/application/application.h"
#include "runtime/base/match.h"
#include "runtime/base/random.h"

namespace meridian::application {
namespace {

const Limits LIMITS{.deploysMax = 2};

ConfigPtr config(const std::string& application, const std::set<std::string>& classes) {
  auto result = std::make_shared<Config>();
  result->name = application;
  result->words = "words";
  for (auto& name: classes) {
    result->classes.push_back({ClassName(name), "rootfs:/srv/box", {MicroCpu(1), MemoryMib(1), DiskMb(1)}, 1, 80});
  }
  return result;
}

struct World {
  struct Class {
    std::string owner;                 // empty: nobody's
    uint32_t version = 0;              // of the owner's spec; 0: not configured
    uint32_t permits = 0;
  };
  struct Gateway {
    bool isAway = false;
    std::map<std::string, uint32_t> versions;      // of the applications' tables
  };
  std::map<std::string, Class> classes;
  std::map<std::string, Gateway> gateways = {{"g1", {}}, {"g2", {}}};
  std::set<std::string> applications;

  // The answer, or none when the call fails.
  std::optional<Message> take(const std::string& application, const Call& call) {
    return std::visit(Match{
        [&](const Claim& claim) -> std::optional<Message> {
          auto& owner = classes[claim.containerClass.value()].owner;
          if (owner.empty()) owner = application;
          return Claimed{claim, owner};
        },
        [&](const Retire& retire) -> std::optional<Message> {
          auto& found = classes[retire.containerClass.value()];
          if (found.owner != application) return Retired{retire, 0};
          if (found.permits > 0 && retire.force == Force::NO) return Retired{retire, found.permits};
          found.owner.clear();
          found.version = 0;
          return Retired{retire, 0};
        },
        [&](const Configure& configure) -> std::optional<Message> {
          auto& found = classes[configure.containerClass.value()];
          if (found.owner == application) found.version = std::max(found.version, configure.version);
          return Done{call};
        },
        [&](const Announce&) -> std::optional<Message> {
          applications.insert(application);
          return Announced{{"g1", "g2"}};
        },
        [&](const PushRoutes& push) -> std::optional<Message> {
          auto& gateway = gateways[push.gateway];
          if (gateway.isAway) return std::nullopt;
          gateway.versions[application] = std::max(gateway.versions[application], push.version);
          return Done{call};
        },
        [&](const Forget&) -> std::optional<Message> {
          applications.erase(application);
          return Done{call};
        },
    }, call);
  }
};

struct Driver {
  std::string name;
  World& world;
  State state;
  Transient transient;
  std::vector<Call> pending;           // under way, not yet taken by the world
  std::map<CallToken, bool> answered;  // of the deploys since the last crash
  uint64_t lastToken = 0;
  bool lostAClass = false;             // to another application, while it was retired
  Instant now = instantFromNs(1'000'000'000'000);

  void follow(std::vector<Effect> effects) {
    for (auto& effect: effects) {
      std::visit(Match{
          [&](const Reply& reply) {
            REQUIRE(!answered.at(reply.token));
            answered[reply.token] = true;
          },
          [&](const Reject& reject) { answered[reject.token] = true; },
          [&](const Call& call) { pending.push_back(call); },
      }, effect);
    }
  }

  void run(const Message& message) {
    auto result = step(state, std::move(transient), message, now, LIMITS);
    for (auto& change: result.changes) state = change;
    auto* restoring = std::get_if<Restoring>(&state.phase);
    if (restoring != nullptr && restoring->reason.find("; class") != std::string::npos) lostAClass = true;
    transient = std::move(result.transient);
    follow(std::move(result.effects));
  }

  void deploy(const std::set<std::string>& classes, Force force) {
    CallToken token(++lastToken);
    answered[token] = false;
    if (classes.empty()) {
      run(Remove{token, config(name, {}), force});
    } else {
      run(Deploy{token, name, config(name, classes), force});
    }
  }

  // The call happens; its answer arrives unless it is lost, which looks like a failure.
  void deliver(size_t index, bool isAnswerLost) {
    auto call = pending.at(index);
    pending.erase(pending.begin() + static_cast<ptrdiff_t>(index));
    auto answer = world.take(name, call);
    run(answer && !isAnswerLost ? *answer : Message(CallFailed{call}));
  }

  void fail(size_t index) {
    auto call = pending.at(index);
    pending.erase(pending.begin() + static_cast<ptrdiff_t>(index));
    run(CallFailed{call});
  }

  // What was under way has happened or not; nobody hears of it.
  void crash(Random& random) {
    for (auto& call: pending) {
      if (random.below(2) == 0) world.take(name, call);
    }
    pending.clear();
    answered.clear();
    auto result = resume(state);
    transient = std::move(result.transient);
    follow(std::move(result.effects));
  }

  void fireAlarm() {
    if (!alarmAt(state)) return;
    now = std::max(now, *alarmAt(state));
    run(AlarmFired{});
  }

  bool isSettled() const { return std::holds_alternative<Settled>(state.phase); }
};

void makeTrouble(World& world, Driver& driver, Random& random) {
  switch (random.below(12)) {
    case 0: {
      std::set<std::string> classes;
      for (auto* name: {"A", "B", "C", "D"}) {
        if (random.below(3) == 0) classes.insert(name);
      }
      driver.deploy(classes, random.below(4) == 0 ? Force::YES : Force::NO);
      break;
    }
    case 1: driver.crash(random); break;
    case 2: driver.fireAlarm(); break;
    case 3: world.classes[std::string(1, static_cast<char>('A' + random.below(4)))].permits = static_cast<uint32_t>(random.below(2)); break;
    case 4: {
      auto& gateway = world.gateways[random.below(2) == 0 ? "g1" : "g2"];
      gateway.isAway = !gateway.isAway;
      break;
    }
    default: {
      if (driver.pending.empty()) break;
      auto index = random.below(driver.pending.size());
      if (random.below(5) == 0) {
        driver.fail(index);
      } else {
        driver.deliver(index, random.below(5) == 0);
      }
    }
  }
}

// A gateway that comes back asks for the tables itself.
void heal(World& world, std::vector<std::unique_ptr<Driver>>& drivers) {
  for (auto& driver: drivers) {
    for (size_t i = 0; !driver->isSettled(); ++i) {
      REQUIRE(i < 1'000);
      while (!driver->pending.empty()) driver->deliver(0, false);
      driver->fireAlarm();
    }
    // Pushes that the deadline left alone.
    while (!driver->pending.empty()) driver->deliver(0, false);
    REQUIRE(driver->isSettled());
  }
  for (auto& [name, gateway]: world.gateways) {
    for (auto& driver: drivers) gateway.versions[driver->name] = driver->state.version;
  }
}

void expectInOrder(const World& world, const std::vector<std::unique_ptr<Driver>>& drivers) {
  for (auto& driver: drivers) {
    auto& state = driver->state;
    for (auto& [token, isAnswered]: driver->answered) REQUIRE(isAnswered);
    REQUIRE((world.applications.count(driver->name) != 0) == !declaresNothing(*state.config));
    std::set<std::string> declared;
    for (auto& declaration: state.config->classes) declared.insert(declaration.name.value());
    for (auto& [name, found]: world.classes) {
      bool isOurs = found.owner == driver->name;
      REQUIRE((!isOurs || declared.count(name) != 0));           // no claim leaks
      REQUIRE((!isOurs || found.version == state.version));
    }
    if (driver->lostAClass) continue;
    for (auto& name: declared) REQUIRE(world.classes.at(name).owner == driver->name);
  }
}

void tellStory(uint64_t seed, const std::vector<std::string>& names) {
  Random random(seed);
  World world;
  std::vector<std::unique_ptr<Driver>> drivers;
  for (auto& name: names) drivers.push_back(std::unique_ptr<Driver>(new Driver{name, world}));
  for (int i = 0; i < 400; ++i) makeTrouble(world, *drivers[random.below(drivers.size())], random);
  heal(world, drivers);
  expectInOrder(world, drivers);
}

TEST_CASE("one application: after any storm its classes are those of the config in force, and every deploy was answered") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    tellStory(seed, {"shop"});
  }
}

TEST_CASE("two applications that want the same classes: no class has two owners, no claim leaks") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    tellStory(seed, {"shop", "game"});
  }
}

}  // namespace
}  // namespace meridian::application
