// Every message in every situation of a row: whatever arrives, a call is answered, capacity holds, and no life goes unproven.

#include <catch2/catch.hpp>

#include <csignal>
#include <set>

#include "actors/machine/subject.h"

namespace meridian::machine {
namespace {

template <typename T>
struct Of {};
const CallToken CALLER(1000);

std::vector<InstanceKey> keys() { return {key("a", 4), key("a", 5), key("a", 6), key("b", 1)}; }

template <typename Make>
std::vector<Message> forEachKey(const Make& make) {
  std::vector<Message> all;
  for (auto& k: keys()) all.push_back(make(k));
  return all;
}

std::vector<Message> samples(Of<Start>) {
  auto all = forEachKey([](const InstanceKey& k) { return Start{CALLER, k, smallSpec(), {}, LocationId("here"), Generation(4)}; });
  auto huge = smallSpec();
  huge.need.memory = MemoryMib(1 << 20);
  all.push_back(Start{CALLER, key("c", 1), huge, {}, LocationId("here"), Generation(0)});
  return all;
}
std::vector<Message> samples(Of<Signal>) { return forEachKey([](const InstanceKey& k) { return Signal{CALLER, k, SIGTERM}; }); }
std::vector<Message> samples(Of<Kill>) { return forEachKey([](const InstanceKey& k) { return Kill{CALLER, k, Generation(4)}; }); }
std::vector<Message> samples(Of<DriverStarted>) {
  return forEachKey([](const InstanceKey& k) { return DriverStarted{CALLER, k, instantFromNs(5)}; });
}
std::vector<Message> samples(Of<DriverReady>) { return forEachKey([](const InstanceKey& k) { return DriverReady{CALLER, k, "h"}; }); }
std::vector<Message> samples(Of<DriverHealth>) {
  return forEachKey([](const InstanceKey& k) { return DriverHealth{CALLER, k, Health::UNHEALTHY}; });
}
std::vector<Message> samples(Of<DriverExited>) {
  return forEachKey([](const InstanceKey& k) { return DriverExited{CALLER, k, exitedWith(1)}; });
}
std::vector<Message> samples(Of<Listed>) {
  std::vector<Message> all{Listed{{0, Repeat::ONCE}, {}}, Listed{{5, Repeat::FOR_EVER}, {}}};
  for (auto& k: keys()) {
    all.push_back(Listed{{5, Repeat::ONCE}, {{k, {}, {}, {}}}});
    all.push_back(Listed{{5, Repeat::ONCE}, {{k, instantFromNs(5), "h", {}}}});
    all.push_back(Listed{{5, Repeat::ONCE}, {{k, instantFromNs(5), {}, exitedWith(1)}}});
  }
  return all;
}

std::vector<Call> callsOn(const InstanceKey& k) {
  return {Launch{k, 1s}, SignalInstance{k, SIGTERM}, KillInstance{k}, AcknowledgeExit{k}, List{1, Repeat::ONCE},
          TellStarted{k, instantFromNs(5)}, TellReady{k, "h"}, TellHealth{k, Health::UNHEALTHY}, TellExited{k, exitedWith(1)}};
}
std::vector<Call> everyCall() {
  std::vector<Call> all;
  for (auto& k: keys()) {
    auto calls = callsOn(k);
    REQUIRE(calls.size() == std::variant_size_v<Call>);
    for (size_t i = 0; i < calls.size(); ++i) REQUIRE(calls[i].index() == i);
    all.insert(all.end(), calls.begin(), calls.end());
  }
  return all;
}
std::vector<Message> samples(Of<CallDone>) {
  std::vector<Message> all;
  for (auto& call: everyCall()) all.push_back(CallDone{call});
  return all;
}
std::vector<Message> samples(Of<CallFailed>) {
  std::vector<Message> all;
  for (auto& call: everyCall()) {
    for (uint32_t attempt: {0u, 1000u}) all.push_back(CallFailed{{call, attempt}, "cut"});
  }
  return all;
}
std::vector<Message> samples(Of<RetryDue>) {
  std::vector<Message> all;
  for (auto& call: everyCall()) all.push_back(RetryDue{{call, 1}});
  return all;
}

std::vector<Message> everyMessage() {
  std::vector<Message> all;
  [&]<size_t... I>(std::index_sequence<I...>) {
    auto add = [&](auto samples) { all.insert(all.end(), samples.begin(), samples.end()); };
    (add(samples(Of<std::variant_alternative_t<I, Message>>())), ...);
  }(std::make_index_sequence<std::variant_size_v<Message>>());
  return all;
}

// a#5 in each form a row can have, and what an activation can know of it.
struct Situation { State state; Transient transient; };

std::vector<Situation> situations() {
  std::vector<Situation> all{{}};
  for (auto exit: {std::optional<Exit>(), std::optional<Exit>(exitedWith(0))}) {
    State state;
    machine::apply(state, PutRow{{key("a", 5), smallSpec(), {}, LocationId("here"), instantFromNs(1), exit}});
    all.push_back({state, {}});
    if (exit) continue;
    for (auto launch: {Progress::Launch::UNKNOWN, Progress::Launch::ASKED, Progress::Launch::ANSWERED}) {
      for (auto fate: {Progress::Fate::LIVE, Progress::Fate::KILLED}) {
        for (auto told: {Progress::Told::NO, Progress::Told::YES}) {
          Progress progress;
          progress.launch = launch;
          progress.fate = fate;
          if (launch == Progress::Launch::ANSWERED) progress.startedAt = instantFromNs(5);
          progress.startedTold = progress.readyTold = told;
          progress.round = 1;
          Transient transient;
          transient.round = 2;
          transient.instances[key("a", 5)] = progress;
          all.push_back({state, transient});
        }
      }
    }
  }
  return all;
}

Resources sumOf(const State& state) {
  Resources sum;
  for (auto& [k, row]: state.rows) if (!row.exit) sum = sum + row.spec.need;
  return sum;
}

void expectSound(const Situation& before, const Message& message, const Step& step, const Limits& limits) {
  size_t replies = 0;
  for (auto& effect: step.effects) replies += std::holds_alternative<Reply>(effect);
  bool isCall = std::visit([](const auto& m) { return requires { m.token; }; }, message);
  CHECK(replies == (isCall ? 1 : 0));

  auto after = before.state;
  std::set<InstanceKey> touched;
  for (auto& change: step.changes) {
    machine::apply(after, change);
    if (auto put = std::get_if<PutRow>(&change)) CHECK(touched.insert(put->row.key).second);
  }
  CHECK(after.used == sumOf(after));
  CHECK(fits(after.used, limits.capacity));

  auto& rows = before.state.rows;
  auto live = rows.find(key("a", 5));
  if (live != rows.end() && !live->second.exit) {
    auto now = after.rows.find(key("a", 5));
    REQUIRE(now != after.rows.end());                    // it never goes without its exit having been told
    if (now->second.exit) {
      CHECK((std::holds_alternative<DriverExited>(message) || std::holds_alternative<Listed>(message)));
    }
  }
  if (live != rows.end() && live->second.exit && after.rows.contains(key("a", 5))) {
    CHECK(after.rows.at(key("a", 5)).exit == live->second.exit);    // what was told once stands
  }
  for (auto& [k, row]: after.rows) {
    if (!rows.contains(k)) CHECK(std::holds_alternative<Start>(message));
  }
  // A launch only of what is accepted and alive.
  for (auto& effect: step.effects) {
    auto perform = std::get_if<Perform>(&effect);
    auto launch = perform ? std::get_if<Launch>(&perform->attempt.call) : nullptr;
    if (launch) CHECK((after.rows.contains(launch->key) && !after.rows.at(launch->key).exit && launch->timeout > 0s));
  }
}

TEST_CASE("every message in every situation is answered and leaves a sound machine") {
  Limits limits;
  limits.capacity = {MicroCpu(250), MemoryMib(1000), DiskMb(1000)};
  size_t pairs = 0;
  for (auto& situation: situations()) {
    for (auto& message: everyMessage()) {
      for (auto now: {instantFromNs(6), instantFromNs(60'000'000'000)}) {
        Random random(7);
        INFO("message " << message.index() << ", now " << toNs(now));
        expectSound(situation, message, step(situation.state, situation.transient, message, now, random, limits), limits);
        ++pairs;
      }
    }
  }
  CHECK(pairs > 1'000);
}

TEST_CASE("every situation can be loaded, and a load changes nothing") {
  for (auto& situation: situations()) {
    auto step = resume(situation.state, instantFromNs(6), Limits{});
    CHECK(step.changes.empty());
    CHECK_FALSE(step.effects.empty());
  }
}

}  // namespace
}  // namespace meridian::machine
