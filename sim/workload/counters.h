// The workload of `counters`: clients add to tallies in every way that a call can take, and are told their values in every way that
// something can leave a store.
#pragma once

#include "sim/check/sums.h"
#include "sim/cluster/story.h"
#include "sim/toys/tally-actor.h"

namespace meridian::sim {

class Counters final: public Workload {
 public:
  explicit Counters(WorkloadParts parts);

  static void adjust(ClusterOptions& options);

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void started(ActorClient& client) override;
  void act(ActorClient& client) override;
  void committed(size_t server) override;
  std::vector<Question> exam(ActorClient& examiner) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static constexpr size_t TALLIES = 5;

  class ProbeServer;
  using Attempts = std::vector<Sums::Attempt>;
  // What the answer of a call does to its attempts, if it comes.
  template <typename T>
  using Heard = kj::Function<void(const Attempts& attempts, T& answer)>;

  // Makes a call that attempts all this, and does what its end says.
  template <typename T>
  void attempt(ActorClient& client, std::string what, Attempts attempts, kj::Promise<T>&& answer, Heard<T> heard);
  void failed(const std::string& what, const Attempts& attempts, const kj::Exception& error);

  void add(ActorClient& client);
  void addSome(ActorClient& client);
  void get(ActorClient& client);
  void fail(ActorClient& client);
  void addAround(ActorClient& client);
  void feed(ActorClient& client);
  void tell(ActorClient& client);
  void other(ActorClient& client);
  void relay(ActorClient& client);

  toys::Tally::Client anyTally(ActorClient& client, std::string& name);
  toys::Probe::Client newProbe(ActorClient& client);
  std::optional<int64_t> stored(const std::string& name, const char* key);

  Cluster& cluster_;
  const ClusterOptions& options_;
  Random random_;
  Sums sums_;
  Hearsay hearsay_;
  uint64_t lastOp_ = 0;
};

Scenario countersScenario();

}  // namespace meridian::sim
