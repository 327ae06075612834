// AgentRole: the agent of one machine: the Machine actor in a store of its own, and the way to the driver. It is composed in the
// same way in a real process and in a simulated one.
//
// Thread: the shard's. The shard, store and clock outlive it.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"

namespace meridian::platform {

struct AgentIdentity {
  MachineId machine;
  LocationId location;
  Resources capacity;
};

struct AgentDials {
  kj::Function<kj::Own<rpc::Wire>()> server;
  kj::Function<kj::Own<rpc::Wire>()> driver;
};

class AgentRole {
 public:
  AgentRole(actor::Shard& shard, env::Store& store, env::Clock& clock, Random random, AgentIdentity identity, AgentDials dials,
            actor::HostLimits limits = {});

  rpc::Vat& vat() { return vat_; }
  actor::Host& host() { return host_; }

  // Wakes the Machine actor, which takes over what runs here, and registers the machine with its location; both are tried until they
  // are heard. Then the machine can be used. From now on the Machine actor is kept awake.
  kj::Promise<void> join();

 private:
  kj::Promise<void> wake();
  kj::Promise<void> keepAwake();
  kj::Promise<void> registerMachine();

  AgentIdentity identity_;
  env::Clock& clock_;
  rpc::RoleDirectory directory_;
  actor::Host host_;
  rpc::Vat vat_;
  rpc::Peer server_;
  rpc::Peer driver_;
  kj::Promise<void> keepingAwake_;
};

}  // namespace meridian::platform
