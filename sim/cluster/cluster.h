// Cluster: servers that host the toy actors of a workload, clients that call them, and an examiner that no fault meets; on one thread
// and one loop.
#pragma once

#include <vector>

#include "sim/check/ledger.h"
#include "sim/cluster/options.h"
#include "sim/cluster/server.h"
#include "sim/cluster/workload.h"
#include "sim/world/course.h"

namespace meridian::sim {

class Cluster {
 public:
  Cluster(const ClusterOptions& options, actor::ActorSystem& system, Random random, const RunOptions& run);
  ~Cluster() noexcept(false);

  // Starts all processes, with the actors of this workload, which outlives the cluster's processes.
  void begin(Workload& workload);
  // Ends them.
  void end();

  Stage& stage() { return stage_; }
  Course& course() { return course_; }
  SimNetwork& network() { return network_; }
  Ledger& ledger() { return ledger_; }
  const Placement& placement() const { return placement_; }

  size_t serverCount() const { return servers_.size(); }
  SimProcess& server(size_t index) { return *servers_[index]; }
  // It must be alive.
  ActorServer& serverRole(size_t index) { return static_cast<ActorServer&>(servers_[index]->role()); }
  size_t clientCount() const { return clients_.size(); }
  SimProcess& client(size_t index) { return *clients_[index]; }
  ActorClient& clientRole(size_t index) { return static_cast<ActorClient&>(clients_[index]->role()); }
  ActorClient& examiner() { return static_cast<ActorClient&>(examiner_->role()); }

  // The servers and the clients.
  std::vector<SimProcess*> mortals();

  // The disk on which an actor's state lies.
  const SimDisk& diskOf(const actor::Address& address) { return servers_[placement_.indexOf(address)]->disk(); }

 private:
  kj::Own<SimProcess> newProcess(std::string name, SimProcess::Build build);
  kj::Own<SimProcess> newClient(std::string name);

  ClusterOptions options_;
  actor::ActorSystem& system_;
  Random random_;
  Stage stage_;
  Course course_;
  SimNetwork network_;
  Ledger ledger_;
  Placement placement_;
  Workload* workload_ = nullptr;
  std::vector<kj::Own<SimProcess>> servers_;
  std::vector<kj::Own<SimProcess>> clients_;
  kj::Own<SimProcess> examiner_;
};

}  // namespace meridian::sim
