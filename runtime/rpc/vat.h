// Vat: one party of Cap'n Proto RPC: a shard, what it offers, and the links its peers have opened to it. A host with actors is a
// vat with a gate; a gateway, a driver or an embedding program is a vat without one.
//
// Thread: the shard's, except acceptLater().
#pragma once

#include "runtime/rpc/link.h"
#include "runtime/rpc/memory-wire.h"
#include "runtime/rpc/node-server.h"

namespace meridian::rpc {

class Vat {
 public:
  // Of an embedding program, or an adapter.
  explicit Vat(actor::Shard& shard);
  // Of a host.
  explicit Vat(actor::Host& host);
  ~Vat() noexcept(false);

  actor::Shard& shard() { return shard_; }
  kj::Maybe<actor::OutputGate&> gate();

  // Offers a service by name to every peer.
  void offer(kj::StringPtr name, capnp::Capability::Client service) { server_->offer(name, kj::mv(service)); }

  // A peer has opened a link: it gets the node, or what is given instead.
  void accept(kj::Own<Wire> wire, const PeerLimits& limits = {}) { accept(kj::mv(wire), node_, limits); }
  void accept(kj::Own<Wire> wire, capnp::Capability::Client bootstrap, const PeerLimits& limits);

  // The same from any thread; a vat that has ended meanwhile drops the wire.
  void acceptLater(kj::Own<Wire> wire);

  // Opens a link over this wire.
  kj::Own<Link> open(kj::Own<Wire> wire);

  // A new wire to another vat of this process, accepted there. The other vat outlives the call.
  kj::Own<Wire> dial(Vat& other, Stores stores);

 private:
  Vat(actor::Shard& shard, kj::Maybe<actor::Host&> host, kj::Own<NodeServer> server);

  actor::Shard& shard_;
  kj::Maybe<actor::Host&> host_;
  NodeServer* server_;   // owned by node_
  schema::Node::Client node_;
  LinkSet links_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace meridian::rpc
