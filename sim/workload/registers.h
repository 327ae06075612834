// The workload of `registers`: many clients read, write, and compare and set few registers.
#pragma once

#include "sim/check/history.h"
#include "sim/check/register-model.h"
#include "sim/cluster/story.h"
#include "sim/toys/register-actor.h"

namespace meridian::sim {

class Registers final: public Workload {
 public:
  explicit Registers(WorkloadParts parts)
      : cluster_(parts.cluster), random_(parts.random), history_(cluster_.stage()) {}

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void act(ActorClient& client) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static constexpr size_t REGISTERS = 3;
  static constexpr size_t UNDER_WAY_MAX = 16;  // at once: a judge of more would have to try too many orders

  template <typename Results>
  void watch(ActorClient& client, History<RegisterModel>::Handle handle, capnp::RemotePromise<Results>&& answer);

  Cluster& cluster_;
  Random random_;
  History<RegisterModel> history_;
  int64_t lastValue_ = 0;
};

Scenario registersScenario();

}  // namespace meridian::sim
