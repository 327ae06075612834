#include "sim/cluster/cluster.h"

#include "sim/world/chance.h"

namespace meridian::sim {

Cluster::Cluster(const ClusterOptions& options, actor::ActorSystem& system, Random random, const RunOptions& run)
    : options_(options), system_(system), random_(random), stage_(run.print, run.onlyChecker),
      course_(stage_, run.until.value_or(Duration::max())), network_(stage_, random_.fork()), ledger_(stage_),
      placement_(options.shards.size()) {
  for (size_t i = 0; i < options_.shards.size(); ++i) {
    servers_.push_back(newProcess(Placement::nameOfServer(i), [this, i](ProcessParts parts) -> kj::Own<SimRole> {
      auto kinds = [this](const std::string& server) { return workload_->kinds(server); };
      return kj::heap<ActorServer>(parts, placement_, options_.shards[i], kinds, options_.host);
    }));
    auto& server = *servers_.back();
    server.setCommitLimits(options_.commit);
    server.setClockOffset(span(random_, -options_.clockSpread, options_.clockSpread));
    server.onCommit([this, i]() { workload_->committed(i); });
  }
  for (uint32_t i = 0; i < options_.clients; ++i) clients_.push_back(newClient("c" + std::to_string(i + 1)));
  examiner_ = newClient("examiner");
}

Cluster::~Cluster() noexcept(false) { end(); }

kj::Own<SimProcess> Cluster::newProcess(std::string name, SimProcess::Build build) {
  return kj::heap<SimProcess>(kj::mv(name), stage_, network_, system_, random_.fork(), kj::mv(build));
}

kj::Own<SimProcess> Cluster::newClient(std::string name) {
  return newProcess(kj::mv(name), [this](ProcessParts parts) -> kj::Own<SimRole> {
    auto client = kj::heap<ActorClient>(parts, placement_);
    workload_->started(*client);
    return client;
  });
}

std::vector<SimProcess*> Cluster::mortals() {
  std::vector<SimProcess*> all;
  for (auto& server: servers_) all.push_back(server.get());
  for (auto& client: clients_) all.push_back(client.get());
  return all;
}

void Cluster::begin(Workload& workload) {
  workload_ = &workload;
  for (auto* process: mortals()) {
    course_.add(*process);
    process->start();
  }
  examiner_->start();
}

void Cluster::end() {
  for (auto* process: mortals()) {
    process->onDeath([]() {});
    process->kill();
  }
  examiner_->kill();
}

}  // namespace meridian::sim
