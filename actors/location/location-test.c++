#include "actors/location/location.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/base/match.h"
#include "runtime/base/random.h"
#include "tests/covers.h"

namespace meridian::location {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Holds = HolderAnswered::Holds;

const Limits LIMITS{.machinesMax = 4, .reservationsMax = 6, .sweepBatch = 2};
const Instant NOW = instantFromNs(1'000'000'000'000);
const CallToken TOKEN(1);

Resources size(uint64_t cpuMicro, uint64_t memoryMib, uint64_t diskMb) {
  return {MicroCpu(cpuMicro), MemoryMib(memoryMib), DiskMb(diskMb)};
}

const Resources SMALL = size(1'000'000, 1'024, 1'000);
const Resources MACHINE = size(4'000'000, 4'096, 4'000);       // room for four small ones

InstanceKey key(const std::string& id, uint64_t generation) {
  return {{ClassName("Sandbox"), id}, Generation(generation)};
}

ContainerId container(const std::string& id) { return key(id, 0).container; }

Sums recomputed(const State& state) {
  std::map<MachineId, Machine> machines;
  for (auto& [id, machine]: state.machines) machines[id].capacity = machine.capacity;
  for (auto& [id, reservation]: state.reservations) {
    auto& machine = machines[reservation.machine];
    machine.reserved = machine.reserved + reservation.need;
  }
  Sums sums;
  for (auto& [id, machine]: machines) {
    sums.total = sums.total + machine.capacity;
    sums.free = sums.free + freeOf(machine);
  }
  return sums;
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
    for (auto& change: result.changes) location::apply(state, change);
    transient = result.transient;
    effects = result.effects;
  }

  void crash() {
    auto result = resume(state, now, limits);
    transient = result.transient;
    effects = result.effects;
  }

  void registerMachine(const std::string& name, const Resources& capacity = MACHINE) {
    run(RegisterMachine{TOKEN, MachineId(name), capacity});
  }

  placement::Decision decision() {
    auto reply = std::find_if(effects.begin(), effects.end(), [](auto& effect) { return std::holds_alternative<Reply>(effect); });
    REQUIRE(reply != effects.end());
    return std::get<Decided>(std::get<Reply>(*reply).answer).decision;
  }

  // The machine, or nothing.
  std::string reserve(const std::string& id, uint64_t generation, const Resources& need = SMALL,
                      std::vector<std::string> avoid = {}) {
    run(Reserve{TOKEN, key(id, generation), need, std::move(avoid)});
    auto outcome = decision();
    auto* plan = std::get_if<placement::Plan>(&outcome);
    return plan == nullptr ? "" : plan->chosen;
  }

  void release(const std::string& id, uint64_t generation) { run(Release{TOKEN, key(id, generation)}); }

  std::vector<InstanceKey> asked() const {
    std::vector<InstanceKey> instances;
    for (auto& effect: effects) {
      if (auto* question = std::get_if<AskHolder>(&effect)) instances.push_back(question->instance);
    }
    return instances;
  }

  bool reports() const {
    return std::any_of(effects.begin(), effects.end(), [](auto& effect) { return std::holds_alternative<ReportToGlobal>(effect); });
  }

  void waitAndFire(Duration delay) {
    now += delay;
    run(AlarmFired{});
  }
};

Driver withMachines(std::vector<std::string> names) {
  Driver driver;
  for (auto& name: names) driver.registerMachine(name);
  driver.run(GlobalReported{driver.state.sums});
  driver.now += seconds(10);
  return driver;
}

std::vector<State> allStates() {
  auto full = withMachines({"m1", "m2", "m3", "m4"});
  auto some = withMachines({"m1", "m2"});
  some.reserve("a", 5);
  some.reserve("b", 1);
  for (auto& id: {"a", "b", "c", "d", "e", "f"}) full.reserve(id, 5);
  auto shrunk = some;
  shrunk.registerMachine("m1", size(1, 1, 1));
  std::vector<State> shapes = {{}, withMachines({"m1"}).state, some.state, shrunk.state, full.state};

  std::vector<State> states;
  for (auto& shape: shapes) {
    for (auto sweepAt: {NOW, NOW + seconds(100)}) {
      for (auto reportAt: {std::optional<Instant>(), std::optional(NOW), std::optional(NOW + seconds(100))}) {
        auto state = shape;
        state.reportAt = reportAt;
        if (!state.reservations.empty()) state.sweep = ReservationSweep{sweepAt, std::nullopt};
        states.push_back(state);
        state.sweep = ReservationSweep{sweepAt, container("a")};
        states.push_back(state);
      }
    }
  }
  return states;
}

std::vector<Message> allMessages() {
  std::vector<Message> messages = {AlarmFired{}, GlobalUnreachable{}, GlobalReported{}, GlobalReported{{MACHINE, MACHINE}}};
  for (auto& machine: {"m1", "m9"}) {
    for (auto& capacity: {MACHINE, SMALL, size(UINT64_MAX, 1, 1)}) {
      messages.push_back(RegisterMachine{TOKEN, MachineId(machine), capacity});
    }
  }
  for (auto& id: {"a", "z"}) {
    for (uint64_t generation: {4, 5, 6}) {
      for (auto& need: {SMALL, size(UINT64_MAX, UINT64_MAX, UINT64_MAX)}) {
        messages.push_back(Reserve{TOKEN, key(id, generation), need, {}});
        messages.push_back(Reserve{TOKEN, key(id, generation), need, {"m1", "m2"}});
        messages.push_back(Reserve{TOKEN, key(id, generation), need, {"m1", "m2", "m3", "m4"}});
      }
      messages.push_back(Release{TOKEN, key(id, generation)});
      messages.push_back(HolderAnswered{key(id, generation), Holds::YES});
      messages.push_back(HolderAnswered{key(id, generation), Holds::NO});
      messages.push_back(HolderUnreachable{key(id, generation)});
    }
  }
  return messages;
}

bool isCall(const Message& message) {
  return std::visit(Match{
      [](const RegisterMachine&) { return true; },
      [](const Reserve&) { return true; },
      [](const Release&) { return true; },
      [](const AlarmFired&) { return false; },
      [](const HolderAnswered&) { return false; },
      [](const HolderUnreachable&) { return false; },
      [](const GlobalReported&) { return false; },
      [](const GlobalUnreachable&) { return false; },
  }, message);
}

size_t answers(const std::vector<Effect>& effects) {
  return std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
    return std::holds_alternative<Reply>(effect) || std::holds_alternative<Reject>(effect);
  });
}

TEST_CASE("every message in every state of a location: answered once, sums right, reports and reconciliation due") {
  auto messages = allMessages();
  REQUIRE(tests::coversAllAlternatives(messages));
  for (auto& state: allStates()) {
    for (auto& message: messages) {
      for (bool reporting: {false, true}) {
        Driver driver{.state = state, .transient = {.asked = 1, .reporting = reporting, .reportedAt = NOW}};
        driver.run(message);
        REQUIRE(answers(driver.effects) == (isCall(message) ? 1 : 0));
        REQUIRE(driver.state.sums == recomputed(driver.state));
        REQUIRE((driver.state.reservations.empty() || driver.state.sweep));
        REQUIRE((!driver.reports() || (driver.transient.reporting && driver.state.reportAt)));
        // Changed sums are always going to be told: now, by an answer to come, or by the alarm.
        REQUIRE((driver.state.sums == state.sums || driver.state.reportAt || driver.transient.reporting));
        if (isCall(message)) {
          auto once = driver.state;
          driver.run(message);
          REQUIRE(driver.state.machines == once.machines);
          REQUIRE(driver.state.reservations == once.reservations);
        }
      }
    }
  }
}

TEST_CASE("instances are packed on one machine until it is full") {
  auto driver = withMachines({"m1", "m2"});
  for (auto& id: {"a", "b", "c", "d"}) CHECK(driver.reserve(id, 1) == "m1");
  CHECK(driver.reserve("e", 1) == "m2");
}

TEST_CASE("reserving again answers the same machine and changes nothing") {
  auto driver = withMachines({"m1", "m2"});
  CHECK(driver.reserve("a", 1) == "m1");
  auto once = driver.state;
  CHECK(driver.reserve("a", 1) == "m1");
  CHECK(driver.state == once);
}

TEST_CASE("a reservation moves when its machine is to be avoided") {
  auto driver = withMachines({"m1", "m2"});
  driver.reserve("a", 1);
  CHECK(driver.reserve("a", 1, SMALL, {"m1"}) == "m2");
  CHECK(driver.state.machines.at(MachineId("m1")).reserved == Resources{});
}

TEST_CASE("a reservation with nowhere to move to is gone") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1);
  CHECK(driver.reserve("a", 1, SMALL, {"m1"}) == "");
  CHECK(driver.state.reservations.empty());
  CHECK(driver.state.sums.free == MACHINE);
}

TEST_CASE("a newer generation takes the place of the older one, also on a full machine") {
  auto driver = withMachines({"m1"});
  for (auto& id: {"a", "b", "c", "d"}) driver.reserve(id, 1);
  CHECK(driver.reserve("e", 1) == "");
  CHECK(driver.reserve("a", 2) == "m1");
  CHECK(driver.state.reservations.size() == 4);
  CHECK(driver.state.sums.free == Resources{});
}

TEST_CASE("an older generation than the one reserved is rejected by name") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 5);
  driver.run(Reserve{TOKEN, key("a", 4), SMALL, {}});
  CHECK(std::get<Reject>(driver.effects.at(0)).reason == "Sandbox/a#4 is out of date; generation 5 has the reservation");
}

TEST_CASE("a release frees its own and older generations, never a newer one") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 5);
  driver.release("a", 4);
  CHECK(driver.state.reservations.size() == 1);
  driver.release("a", 5);
  driver.release("a", 5);
  CHECK(driver.state.reservations.empty());
  driver.reserve("a", 6);
  driver.release("a", 7);
  CHECK(driver.state.reservations.empty());
}

TEST_CASE("a machine that declares less than is reserved takes nothing new and loses nothing") {
  auto driver = withMachines({"m1"});
  for (auto& id: {"a", "b"}) driver.reserve(id, 1);
  driver.registerMachine("m1", SMALL);
  CHECK(driver.state.reservations.size() == 2);
  CHECK(driver.state.sums.free == Resources{});
  CHECK(driver.reserve("c", 1) == "");
  driver.release("a", 1);
  CHECK(driver.reserve("c", 1) == "");
  driver.release("b", 1);
  CHECK(driver.reserve("c", 1) == "m1");
}

TEST_CASE("a refusal names what is short; without machines it says so") {
  Driver empty;
  empty.reserve("a", 1);
  CHECK(std::get<placement::Refusal>(empty.decision()).reason == "there is no machine");
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1, size(5'000'000, 1, 1));
  CHECK(std::get<placement::Refusal>(driver.decision()).considered.at(0).reason ==
        "too small: has 4 vCPU, 4096 MiB, 4000 MB in all");
}

TEST_CASE("machines and reservations stay under their limits, with a reason") {
  auto driver = withMachines({"m1", "m2", "m3", "m4"});
  driver.registerMachine("m5");
  CHECK(std::get<Reject>(driver.effects.at(0)).reason == "machine m5 is one too many; allowed in a location: 4");
  driver.registerMachine("m1", size(UINT64_MAX, 1, 1));
  CHECK(std::get<Reject>(driver.effects.at(0)).reason == "capacity of machine m1 is above what one machine may declare");
  for (auto& id: {"a", "b", "c", "d", "e", "f"}) driver.reserve(id, 1);
  CHECK(driver.reserve("g", 1) == "");
  CHECK(std::get<placement::Refusal>(driver.decision()).reason == "the location has its 6 reservations");
}

TEST_CASE("a machine that comes is reported at once") {
  Driver driver;
  driver.registerMachine("m1");
  CHECK(driver.reports());
  driver.run(GlobalReported{driver.state.sums});
  CHECK(!alarmAt(driver.state));
  driver.registerMachine("m1");        // a restart of the agent
  CHECK(driver.reports());
}

TEST_CASE("as machines fill, at most one report a second goes out, and the last state is told") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1);
  CHECK(driver.reports());
  auto told = driver.state.sums;
  driver.reserve("b", 1);
  CHECK(!driver.reports());
  driver.run(GlobalReported{told});
  CHECK(!driver.reports());
  CHECK(driver.state.reportAt == driver.now + LIMITS.reportEvery);
  driver.reserve("c", 1);
  CHECK(!driver.reports());
  driver.waitAndFire(LIMITS.reportEvery);
  CHECK(driver.reports());
  driver.run(GlobalReported{driver.state.sums});
  CHECK(!driver.state.reportAt);
}

TEST_CASE("a report that was not answered is sent again") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1);
  driver.run(GlobalUnreachable{});
  CHECK(!driver.reports());
  driver.waitAndFire(LIMITS.reportRetry);
  CHECK(driver.reports());
  driver.waitAndFire(LIMITS.reportRetry);
  CHECK(!driver.reports());             // this one is still under way
}

TEST_CASE("a report that was due is sent after a crash") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1);
  driver.crash();
  CHECK(alarmAt(driver.state).has_value());
  driver.waitAndFire(LIMITS.reportRetry);
  CHECK(driver.reports());
}

TEST_CASE("old reservations are reconciled in batches, and an answer frees only its own generation") {
  auto driver = withMachines({"m1", "m2"});
  for (auto& id: {"a", "b", "c"}) driver.reserve(id, 1);
  driver.run(GlobalUnreachable{});
  driver.waitAndFire(LIMITS.sweepEvery);
  CHECK(driver.asked() == std::vector{key("a", 1), key("b", 1)});
  driver.run(GlobalUnreachable{});
  driver.reserve("b", 2);
  driver.run(HolderAnswered{key("a", 1), Holds::NO});
  driver.run(HolderAnswered{key("b", 1), Holds::NO});
  CHECK(driver.state.reservations.count(container("a")) == 0);
  CHECK(driver.state.reservations.at(container("b")).generation == Generation(2));

  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked() == std::vector{key("c", 1)});
  driver.run(HolderUnreachable{key("c", 1)});
  CHECK(driver.state.reservations.count(container("c")) == 1);
}

TEST_CASE("a batch waits for the answers to the one before, and a round goes on after a crash where it stood") {
  auto driver = withMachines({"m1"});
  for (auto& id: {"a", "b", "c"}) driver.reserve(id, 1);
  driver.waitAndFire(LIMITS.sweepEvery);
  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked().empty());
  driver.crash();
  driver.waitAndFire(LIMITS.sweepPause);
  CHECK(driver.asked() == std::vector{key("c", 1)});
}

TEST_CASE("reconciliation ends when no reservation is left") {
  auto driver = withMachines({"m1"});
  driver.reserve("a", 1);
  driver.release("a", 1);
  driver.run(GlobalReported{driver.state.sums});
  driver.waitAndFire(LIMITS.sweepEvery);
  driver.run(GlobalReported{driver.state.sums});
  CHECK(!alarmAt(driver.state));
}

// Whoever runs has told so by reserve; releases get lost, machines change, the scheduler crashes.
TEST_CASE("over random histories nothing is oversold, the sums are right, and what leaks comes back") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    Driver driver;
    driver.limits.machinesMax = 6;
    driver.limits.reservationsMax = 100;
    std::map<std::string, uint64_t> running;
    std::map<std::string, uint64_t> last;
    auto answerQuestions = [&](bool faults) {
      for (auto& instance: driver.asked()) {
        auto holder = running.find(instance.container.id);
        bool holds = holder != running.end() && Generation(holder->second) == instance.generation;
        if (faults && random.below(4) == 0) {
          driver.run(HolderUnreachable{instance});
        } else {
          driver.run(HolderAnswered{instance, holds ? Holds::YES : Holds::NO});
        }
      }
      if (driver.transient.reporting) driver.run(GlobalReported{driver.state.sums});
    };
    for (int i = 0; i < 300; ++i) {
      std::string id(1, static_cast<char>('a' + random.below(20)));
      auto before = driver.state;
      switch (random.below(6)) {
        case 0: {
          auto scale = 1 + random.below(4);
          driver.registerMachine("m" + std::to_string(random.below(6)), size(scale * 1'000'000, scale * 1'024, scale * 1'000));
          break;
        }
        case 1:
        case 2: {
          if (running.count(id) != 0) break;
          auto machine = driver.reserve(id, ++last[id], random.below(2) == 0 ? SMALL : size(500'000, 128, 100));
          if (machine.empty()) break;
          running[id] = last[id];
          auto& chosen = driver.state.machines.at(MachineId(machine));
          REQUIRE(fits(chosen.reserved, chosen.capacity));
          break;
        }
        case 3: {
          if (running.count(id) == 0) break;
          if (random.below(2) == 0) driver.release(id, running[id]);
          running.erase(id);
          break;
        }
        case 4: {
          driver.waitAndFire(milliseconds(random.below(90'000)));
          answerQuestions(true);
          break;
        }
        case 5: driver.crash(); break;
      }
      REQUIRE(driver.state.sums == recomputed(driver.state));
      for (auto& [holder, generation]: running) {
        REQUIRE(driver.state.reservations.at(container(holder)).generation == Generation(generation));
      }
    }
    for (int i = 0; i < 40; ++i) {
      driver.waitAndFire(seconds(120));
      answerQuestions(false);
    }
    REQUIRE(driver.state.reservations.size() == running.size());
    REQUIRE(!driver.state.reportAt);
  }
}

}  // namespace
}  // namespace meridian::location
