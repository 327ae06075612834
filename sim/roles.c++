#include "sim/roles.h"

#include <kj/debug.h>

#include "runtime/platform/agent-role.h"
#include "runtime/platform/server-role.h"
#include "runtime/rpc/lasting-reference.h"
#include "sim/world/driver.h"

namespace meridian::sim {

namespace {

class ServerProcess final: public SimRole {
 public:
  ServerProcess(ProcessParts parts, actor::HostLimits limits)
      : role_(parts.shard, parts.store, parts.clock, parts.random,
              {.agent = dialTo(parts), .gateway = dialTo(parts)}, limits) {}

  rpc::Vat& vat() override { return role_.vat(); }

 private:
  static rpc::PeerSet::Dial dialTo(const ProcessParts& parts) {
    return [&network = parts.network, &self = parts.name](kj::StringPtr name) { return network.dial(self, name.cStr()); };
  }

  platform::ServerRole role_;
};

class AgentProcess final: public SimRole {
 public:
  AgentProcess(ProcessParts parts, SimMachine& machine, Resources capacity, actor::HostLimits limits)
      : role_(parts.shard, parts.store, parts.clock, parts.random,
              {MachineId(machine.name()), LocationId(LOCATION), capacity},
              {.server = [&network = parts.network, &self = parts.name]() { return network.dial(self, SERVER); },
               .driver = [this]() { return role_.vat().dial(driverVat_, rpc::Stores::APART); }},
              limits),
        driverVat_(parts.shard),
        driverToAgent_(driverVat_, parts.clock, [this]() { return driverVat_.dial(role_.vat(), rpc::Stores::APART); }),
        joining_(nullptr) {
    auto agent = rpc::newLastingReference([this, name = machine.name()]() {
      return driverToAgent_.actor("Machine", name.c_str());
    }).castAs<schema::Machine>();
    auto driver = kj::heap<SimDriver>(machine, parts.clock, kj::mv(agent));
    driver_ = driver.get();
    driverVat_.offer("driver", kj::mv(driver));
    joining_ = role_.join().eagerlyEvaluate([](kj::Exception&& error) { KJ_LOG(ERROR, "the agent could not join", error); });
  }

  ~AgentProcess() noexcept(false) { driver_->die(); }

  rpc::Vat& vat() override { return role_.vat(); }

 private:
  platform::AgentRole role_;
  rpc::Vat driverVat_;
  rpc::Peer driverToAgent_;
  SimDriver* driver_;           // owned by its vat
  kj::Promise<void> joining_;
};

}  // namespace

kj::Own<SimRole> newServer(ProcessParts parts, actor::HostLimits limits) { return kj::heap<ServerProcess>(parts, limits); }

kj::Own<SimRole> newAgent(ProcessParts parts, SimMachine& machine, Resources capacity, actor::HostLimits limits) {
  return kj::heap<AgentProcess>(parts, machine, capacity, limits);
}

}  // namespace meridian::sim
