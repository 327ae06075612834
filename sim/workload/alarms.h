// The workload of `alarms`: clients set, replace and clear the alarms of bells, some of which fail before they ring.
#pragma once

#include "sim/check/orders.h"
#include "sim/cluster/story.h"

namespace meridian::sim {

class Alarms final: public Workload {
 public:
  explicit Alarms(WorkloadParts parts)
      : cluster_(parts.cluster), options_(parts.options), random_(parts.random), orders_(cluster_.stage()),
        listener_([this](const Ring& ring) { orders_.heard(ring); }) {}

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void act(ActorClient& client) override;
  void committed(size_t server) override;
  std::vector<Question> exam(ActorClient& examiner) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static constexpr size_t BELLS = 5;

  void watch(ActorClient& client, uint64_t order, std::string what, kj::Promise<void>&& answer);
  kj::Promise<void> atRest(ActorClient& examiner, const std::string& bell);
  void requireBackoff(uint64_t order);

  Cluster& cluster_;
  const ClusterOptions& options_;
  Random random_;
  Orders orders_;
  std::function<void(const Ring&)> listener_;
};

Scenario alarmsScenario();

}  // namespace meridian::sim
