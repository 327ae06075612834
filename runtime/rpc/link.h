// Link: a GatedConnection with the RPC system on it, in one object that can be held, watched and dropped.
#pragma once

#include <capnp/capability.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async.h>

#include "runtime/rpc/gated-connection.h"

namespace meridian::rpc {

// One connection of this vat. Dropping it ends the connection; calls under way are DISCONNECTED.
class Link {
 public:
  Link(kj::Own<Wire> wire, Side side, kj::Maybe<actor::OutputGate&> gate, capnp::Capability::Client bootstrap,
       const PeerLimits& limits);
  ~Link() noexcept(false) { connection_.leave(); }

  // What the peer offers.
  capnp::Capability::Client peer();

  kj::Promise<void> onDisconnect() { return connection_.onDisconnect(); }

 private:
  GatedConnection connection_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> system_;
};

// The links that peers have opened to this vat; each is dropped when it ends.
class LinkSet final: private kj::TaskSet::ErrorHandler {
 public:
  LinkSet(): watches_(*this) {}

  void add(kj::Own<Link> link);

 private:
  void taskFailed(kj::Exception&& exception) override;

  kj::TaskSet watches_;
};

}  // namespace meridian::rpc
