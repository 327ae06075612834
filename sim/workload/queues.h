// The workload of `queues`: clients put, pop and list rows of queues that lie in the storage of few actors.
#pragma once

#include "sim/check/history.h"
#include "sim/check/queue-model.h"
#include "sim/cluster/story.h"
#include "sim/toys/queue-actor.h"

namespace meridian::sim {

class Queues final: public Workload {
 public:
  explicit Queues(WorkloadParts parts)
      : cluster_(parts.cluster), random_(parts.random), history_(cluster_.stage()) {}

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void act(ActorClient& client) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static constexpr size_t ACTORS = 2;
  static constexpr size_t QUEUES = 2;          // of each actor
  static constexpr size_t KEYS = 30;           // of each queue
  // Under way at once: puts tell little of their order, so a judge would have to try too many.
  static constexpr size_t UNDER_WAY_MAX = 12;

  template <typename Rows>
  void watch(ActorClient& client, History<QueueModel>::Handle handle, kj::Promise<Rows>&& answer);

  Cluster& cluster_;
  Random random_;
  History<QueueModel> history_;
  uint64_t lastValue_ = 0;
};

Scenario queuesScenario();

}  // namespace meridian::sim
