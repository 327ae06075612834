// ServerRole: the actors of a location and, on an embedded platform, the global ones too: one store, one host, one vat. It is
// composed in the same way in a real process and in a simulated one.
//
// Thread: the shard's. The shard, store and clock outlive it.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/rpc/peer-set.h"
#include "runtime/rpc/role-directory.h"

namespace meridian::platform {

// How this role reaches the others, by name.
struct ServerDials {
  rpc::PeerSet::Dial agent;
  rpc::PeerSet::Dial gateway;
};

class ServerRole {
 public:
  ServerRole(actor::Shard& shard, env::Store& store, env::Clock& clock, Random random, ServerDials dials,
             actor::HostLimits limits = {});

  rpc::Vat& vat() { return vat_; }
  actor::Host& host() { return host_; }

  // Images are resolved by the agent of this machine.
  void resolveImagesAt(MachineId machine);

 private:
  rpc::RoleDirectory directory_;
  actor::Host host_;
  rpc::Vat vat_;
  rpc::PeerSet agents_;
  rpc::PeerSet gateways_;
};

}  // namespace meridian::platform
