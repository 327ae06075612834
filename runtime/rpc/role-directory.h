// RoleDirectory: where a host finds what it does not run itself: its siblings (the other shards of its role), and the peers that the
// composition routed kinds and services to.
//
// Thread: the host's shard's. The peers outlive it.
#pragma once

#include <kj/function.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"

namespace meridian::rpc {

// Which shard of a role an actor lives on; the same in every process of that role.
size_t shardOf(const actor::Address& address, size_t shards);

class RoleDirectory final: public actor::Directory {
 public:
  // The role's only shard, or shard `index` of several; the peers of the others follow through sibling().
  explicit RoleDirectory(size_t shards = 1, size_t index = 0): siblings_(shards), index_(index) {}

  void sibling(size_t index, Peer& peer) { siblings_[index] = peer; }

  // Actors of this kind live with the peer that `find` names; none: nobody knows them now, calls are DISCONNECTED.
  using FindPeer = kj::Function<kj::Maybe<Peer&>(kj::StringPtr name)>;
  void route(kj::StringPtr kind, FindPeer find) { kinds_.insert_or_assign(kind.cStr(), kj::mv(find)); }

  // Services whose names begin with `prefix` are offered by the peer that `find` names; the longest prefix counts.
  void routeServices(kj::StringPtr prefix, FindPeer find) { services_.insert_or_assign(prefix.cStr(), kj::mv(find)); }

  kj::Maybe<capnp::Capability::Client> elsewhere(const actor::Address& address) override;
  capnp::Capability::Client service(kj::StringPtr name) override;

 private:
  std::vector<kj::Maybe<Peer&>> siblings_;
  size_t index_;
  std::map<std::string, FindPeer, std::less<>> kinds_;
  std::map<std::string, FindPeer, std::less<>> services_;
};

}  // namespace meridian::rpc
