#include "sim/containers.h"

#include <csignal>

#include "sim/fault/options.h"
#include "sim/fault/storm.h"
#include "sim/workload/traffic.h"
#include "sim/world/log-tap.h"
#include "sim/world.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration SETUP_MAX = 30s;
constexpr Duration ANSWER_MAX = 60s;        // after the storm every request has ended by then
constexpr Duration PROGRESS_MAX = 150s;     // to wake one ID: what leaked is found by two rounds of asking the holders
constexpr Duration REST_MAX = 300s;         // until everything is asleep, and what leaked is found
constexpr Duration GIVE_BACK_MAX = 10s;     // when nothing is lost, what a stopped ID had is given back by then

class Story {
 public:
  Story(uint64_t seed, actor::ActorSystem& system, const RunOptions& run)
      : random_(seed), options_(without(draw(random_), run)), world_(options_, system, random_.fork(), run),
        tap_(world_.stage()), storm_(world_, options_, random_.fork()), traffic_(world_, options_, random_.fork()) {}

  Outcome run() {
    setUp() && storm() && answer() && (!options_.restsFirst || rest()) && progress() && giveBack();
    auto& stage = world_.stage();
    Outcome outcome;
    outcome.finding = stage.verdict.finding();
    outcome.hash = stage.transcript.hash();
    outcome.tail = stage.transcript.tail();
    outcome.simulated = stage.time.now();
    outcome.storm = options_.storm;
    outcome.events = world_.events();
    outcome.counts = {{"requests", world_.ledger().begun()},
                      {"served", world_.ledger().served()},
                      {"executions", world_.truth().executions()}};
    return outcome;
  }

 private:
  bool fine() { return !world_.isOver(); }

  void stuck(const char* checker, const std::string& what) { world_.stage().verdict.fail(Failure::STUCK, checker, what); }

  bool setUp() {
    traffic_.deployAll();
    if (!world_.runFor(SETUP_MAX, [this]() { return world_.operators().version() > 0; })) stuck("setup", "nothing is deployed");
    return fine();
  }

  bool storm() {
    traffic_.begin();
    storm_.begin();
    world_.runFor(options_.storm, []() { return false; });
    traffic_.end();
    return fine();
  }

  // Every request has an end.
  bool answer() {
    storm_.end();
    auto healedAt = world_.stage().time.now();
    world_.runFor(ANSWER_MAX, []() { return false; });
    if (fine()) world_.ledger().requireEnded(healedAt);
    return fine();
  }

  // Each ID can be woken, and stopped again to make room.
  bool progress() {
    traffic_.deployAll();
    auto version = world_.operators().version();
    if (!world_.runFor(ANSWER_MAX, [&]() { return world_.operators().version() > version; })) stuck("progress", "no deploy");
    for (auto& container: options_.containers) {
      if (!fine()) return false;
      bool done = false;
      std::string last = "nothing";
      auto woken = wake(container, last).then([&]() { return world_.operators().stopped(container); });
      auto watched = woken.then([&]() { done = true; }).eagerlyEvaluate([&](kj::Exception&& error) { last = "not stopped"; });
      if (!world_.runFor(PROGRESS_MAX, [&]() { return done; })) stuck("progress", toText(container) + " cannot be woken: " + last);
    }
    return fine();
  }

  kj::Promise<void> wake(const ContainerId& container, std::string& last) {
    return world_.gateway(0)->request(container, 1ms).then([this, &container, &last](std::string outcome) -> kj::Promise<void> {
      world_.stage().say("g1", "wake " + toText(container) + ": " + outcome);
      last = outcome;
      if (outcome == "served") return kj::READY_NOW;
      return world_.stage().time.until(world_.stage().time.now() + 2s).then([this, &container, &last]() {
        return wake(container, last);
      });
    });
  }

  // Nobody asks for anything: everything falls asleep and costs nothing.
  bool rest() {
    fallAsleep("rest", REST_MAX);
    if (fine()) world_.truth().requireExitsKnown();
    return fine();
  }

  // Every ID was started and stopped since the storm, so what it still holds nobody has given back.
  bool giveBack() {
    fallAsleep("leak", GIVE_BACK_MAX);
    if (fine()) world_.truth().requireExitsKnown();
    return fine();
  }

  void fallAsleep(const char* checker, Duration within) {
    auto end = world_.stage().time.now() + within;
    while (fine() && !world_.isAsleep() && world_.stage().time.now() < end) world_.runFor(1s, []() { return false; });
    if (!world_.isAsleep()) world_.stage().verdict.wrong(checker, world_.whatIsAwake());
  }

  Random random_;
  Options options_;
  World world_;
  LogTap tap_;
  Storm storm_;
  Traffic traffic_;
};

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) { return Story(seed, system, options).run(); }

}  // namespace

Scenario containersScenario() {
  return {"containers", "containers of IDs that are asked for, sleep, stop and exit, on machines of one location", faultNames(), run, {"machines"}};
}

}  // namespace meridian::sim
