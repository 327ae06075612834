// World: the real actors, in their real roles, in simulated processes: one server, the agents of some machines, gateways, and
// operators; on one thread and one loop that nothing outside can rouse. Time moves when nothing else can.
#pragma once

#include <vector>

#include "sim/check/books.h"
#include "sim/check/ledger.h"
#include "sim/check/truth.h"
#include "sim/fault/options.h"
#include "sim/world/course.h"
#include "sim/world/machine.h"
#include "sim/world/process.h"

namespace meridian::sim {

class World {
 public:
  World(const Options& options, actor::ActorSystem& system, Random random, const RunOptions& run);
  ~World() noexcept(false);

  Stage& stage() { return stage_; }
  SimNetwork& network() { return network_; }
  Ledger& ledger() { return ledger_; }
  Truth& truth() { return truth_; }
  Books& books() { return books_; }

  SimProcess& server() { return *server_; }
  std::vector<kj::Own<SimProcess>>& agents() { return agents_; }
  std::vector<kj::Own<SimProcess>>& gateways() { return gateways_; }
  // All that can die: the above.
  std::vector<SimProcess*> mortals();
  SimMachine& machine(size_t index) { return *machines_[index]; }
  size_t machineCount() const { return machines_.size(); }
  // Null while it is dead.
  SimGateway* gateway(size_t index);
  Operators& operators() { return static_cast<Operators&>(operators_->role()); }

  // As in Course.
  bool isOver() const { return course_.isOver(); }
  uint64_t events() const { return course_.events(); }
  bool runFor(Duration span, kj::FunctionParam<bool()> done) { return course_.runFor(span, done); }

  // Kills the process after so many more events of the loop.
  void doom(SimProcess& process, uint32_t events) { course_.doom(process, events); }

  // Nobody is to die any more.
  void spareAll();

  // Nothing lives, nothing is promised, nothing waits to be acknowledged.
  bool isAsleep();
  std::string whatIsAwake();

 private:
  kj::Own<SimProcess> newProcess(std::string name, SimProcess::Build build);

  Options options_;
  actor::ActorSystem& system_;
  Random random_;
  Stage stage_;
  Course course_;
  SimNetwork network_;
  Ledger ledger_;
  std::vector<kj::Own<SimMachine>> machines_;
  Duration serverAhead_;
  kj::Own<SimProcess> server_;
  Books books_;
  Truth truth_;
  std::vector<kj::Own<SimProcess>> agents_;
  std::vector<kj::Own<SimProcess>> gateways_;
  kj::Own<SimProcess> operators_;
};

}  // namespace meridian::sim
