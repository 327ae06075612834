#include "sim/cluster/story.h"

#include "sim/cluster/storm.h"
#include "sim/world/log-tap.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration ANSWER_MAX = 60s;        // after the storm every request has ended by then
constexpr Duration REST_MAX = 60s;          // until no actor is in memory, beyond the time that it may idle there

class Story {
 public:
  Story(uint64_t seed, actor::ActorSystem& system, const RunOptions& run, Adjust adjust)
      : random_(seed), options_(without(drawn(random_, adjust), run)), cluster_(options_, system, random_.fork(), run),
        tap_(cluster_.stage(), "on purpose"), storm_(cluster_, options_, random_.fork()),
        traffic_(cluster_.stage(), random_.fork()) {}

  Outcome run(const std::function<kj::Own<Workload>(WorkloadParts)>& newWorkload) {
    auto workload = newWorkload({cluster_, options_, random_.fork()});
    cluster_.begin(*workload);
    storm(*workload) && answer() && ask(workload->exam(cluster_.examiner())) && rest() && restart() &&
        ask(workload->conclude(cluster_.examiner()));
    auto& stage = cluster_.stage();
    Outcome outcome;
    outcome.tail = stage.transcript.tail();
    cluster_.end();
    outcome.finding = stage.verdict.finding();
    outcome.hash = stage.transcript.hash();
    outcome.simulated = stage.time.now();
    outcome.storm = options_.storm;
    outcome.events = cluster_.course().events();
    outcome.counts = {{"requests", cluster_.ledger().begun()}, {"served", cluster_.ledger().served()}};
    return outcome;
  }

 private:
  static ClusterOptions drawn(Random& random, Adjust adjust) {
    auto options = drawCluster(random);
    adjust(options);
    return options;
  }

  bool fine() { return !cluster_.course().isOver(); }

  void stuck(const std::string& checker, const std::string& what) {
    cluster_.stage().verdict.fail(Failure::STUCK, checker, what);
  }

  bool storm(Workload& workload) {
    storm_.begin();
    traffic_.begin();
    for (size_t i = 0; i < cluster_.clientCount(); ++i) {
      traffic_.every(options_.actEvery, [this, &workload, i]() {
        if (cluster_.client(i).isAlive()) workload.act(cluster_.clientRole(i));
      });
    }
    cluster_.course().runFor(options_.storm, []() { return false; });
    traffic_.end();
    storm_.end();
    return fine();
  }

  bool answer() {
    auto healedAt = cluster_.stage().time.now();
    cluster_.course().runFor(ANSWER_MAX, [this]() { return cluster_.ledger().open() == 0; });
    if (fine()) cluster_.ledger().requireEnded(healedAt);
    return fine();
  }

  bool ask(std::vector<Question>&& questions) {
    for (auto& question: questions) {
      cluster_.stage().say("examiner", question.name);
      bool done = false;
      auto asked = question.ask()
                       .then([&]() { done = true; },
                             [&](kj::Exception&& error) {
                               done = true;
                               cluster_.stage().verdict.wrong(question.name, error.getDescription().cStr());
                             })
                       .eagerlyEvaluate(nullptr);
      if (!cluster_.course().runFor(question.within, [&]() { return done; })) stuck(question.name, "the question has no end");
      if (!fine()) return false;
    }
    return fine();
  }

  // Nobody asks for anything: no actor stays in memory.
  bool rest() {
    auto inMemory = [this]() {
      size_t count = 0;
      for (size_t i = 0; i < cluster_.serverCount(); ++i) count += cluster_.serverRole(i).activationCount();
      return count;
    };
    cluster_.course().runFor(options_.host.idleAfter * 2 + REST_MAX, [&]() { return inMemory() == 0; });
    if (fine() && inMemory() != 0) stuck("rest", std::to_string(inMemory()) + " idle actors stay in memory");
    return fine();
  }

  bool restart() {
    for (size_t i = 0; i < cluster_.serverCount(); ++i) {
      cluster_.server(i).kill();
      cluster_.server(i).start();
    }
    return fine();
  }

  Random random_;
  ClusterOptions options_;
  Cluster cluster_;
  LogTap tap_;
  ClusterStorm storm_;
  Recurrence traffic_;
};

}  // namespace

Outcome runCluster(uint64_t seed, actor::ActorSystem& system, const RunOptions& run, Adjust adjust,
                   const std::function<kj::Own<Workload>(WorkloadParts)>& newWorkload) {
  return Story(seed, system, run, adjust).run(newWorkload);
}

}  // namespace meridian::sim
