// The workload of `bank`: clients move money between accounts of one server and of several, by way of sagas.
#pragma once

#include "sim/check/money.h"
#include "sim/cluster/story.h"
#include "sim/toys/account-actor.h"

namespace meridian::sim {

class Bank final: public Workload {
 public:
  explicit Bank(WorkloadParts parts);

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void act(ActorClient& client) override;
  void committed(size_t server) override;
  std::vector<Question> exam(ActorClient& examiner) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static std::vector<std::string> accounts();
  void transfer(ActorClient& client);
  void pass(ActorClient& client);
  kj::Promise<void> passedOn(ActorClient& client, std::vector<std::string> path);
  Question owesNothing(ActorClient& examiner, const std::string& account);

  Cluster& cluster_;
  const ClusterOptions& options_;
  Random random_;
  Money money_;
  uint64_t lastTransfer_ = 0;
};

Scenario bankScenario();

}  // namespace meridian::sim
