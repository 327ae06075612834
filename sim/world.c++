#include "sim/world.h"

#include "actors/machine/machine-actor.h"
#include "sim/world/chance.h"
#include "sim/roles.h"
#include "sim/world/stored-actor.h"

namespace meridian::sim {

namespace {

Duration drawOffset(Random& random, Duration spread) { return span(random, -spread, spread); }

}  // namespace

World::World(const Options& options, actor::ActorSystem& system, Random random, const RunOptions& run)
    : options_(options), system_(system), random_(random), stage_(run.print, run.onlyChecker),
      course_(stage_, run.until.value_or(Duration::max())), network_(stage_, random_.fork()),
      ledger_(stage_), serverAhead_(drawOffset(random_, options.clockSpread)),
      server_(newProcess(SERVER, [this](ProcessParts parts) { return newServer(parts, options_.host); })),
      books_(stage_, server_->disk()), truth_(stage_, books_, options.capacity, serverAhead_) {
  server_->setClockOffset(serverAhead_);
  server_->onCommit([this]() {
    books_.read();
    truth_.requireBooked();
  });
  for (uint32_t i = 0; i < options.machines; ++i) {
    auto name = "m" + std::to_string(i + 1);
    machines_.push_back(kj::heap<SimMachine>(name, stage_, random_.fork(), truth_));
    auto& machine = *machines_.back();
    agents_.push_back(newProcess(name, [this, &machine](ProcessParts parts) {
      return newAgent(parts, machine, options_.capacity, options_.host);
    }));
    agents_.back()->setClockOffset(drawOffset(random_, options.clockSpread));
  }
  for (uint32_t i = 0; i < options.gateways; ++i) {
    gateways_.push_back(newProcess("g" + std::to_string(i + 1), [this](ProcessParts parts) -> kj::Own<SimRole> {
      return kj::heap<GatewayProcess>(parts, stage_, ledger_, truth_);
    }));
    gateways_.back()->setClockOffset(drawOffset(random_, options.clockSpread));
  }
  operators_ = newProcess("operators", [this](ProcessParts parts) -> kj::Own<SimRole> {
    return kj::heap<Operators>(parts, ledger_);
  });
  for (auto* process: mortals()) {
    course_.add(*process);
    process->start();
  }
  operators_->start();
}

World::~World() noexcept(false) {
  for (auto* process: mortals()) {
    process->onDeath([]() {});
    process->kill();
  }
  operators_->kill();
}

kj::Own<SimProcess> World::newProcess(std::string name, SimProcess::Build build) {
  return kj::heap<SimProcess>(kj::mv(name), stage_, network_, system_, random_.fork(), kj::mv(build));
}

std::vector<SimProcess*> World::mortals() {
  std::vector<SimProcess*> all{server_.get()};
  for (auto& agent: agents_) all.push_back(agent.get());
  for (auto& gateway: gateways_) all.push_back(gateway.get());
  return all;
}

void World::spareAll() {
  course_.spare();
  for (auto* process: mortals()) process->spare();
}

SimGateway* World::gateway(size_t index) {
  auto& process = *gateways_[index];
  return process.isAlive() ? &static_cast<GatewayProcess&>(process.role()).gateway() : nullptr;
}

bool World::isAsleep() { return whatIsAwake().empty(); }

std::string World::whatIsAwake() {
  std::string awake;
  if (!books_.isEmpty()) awake += books_.describe() + "; ";
  for (auto& container: options_.containers) {
    auto state = books_.supervisorOf(container);
    if (!std::holds_alternative<supervisor::Stopped>(state.life)) awake += toText(container) + " is not stopped; ";
  }
  for (size_t i = 0; i < machines_.size(); ++i) {
    auto& machine = *machines_[i];
    for (auto& [key, instance]: machine.instances()) {
      awake += toText(key) + (instance.exit ? " is not acknowledged on " : " lives on ") + machine.name() + "; ";
    }
    StoredActor stored(agents_[i]->disk(), {"Machine", machine.name()});
    for (auto& [key, row]: machine::Logic::load(stored).rows) awake += toText(key) + " has a row on " + machine.name() + "; ";
  }
  return awake;
}

}  // namespace meridian::sim
