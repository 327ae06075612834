// GatedConnection: one Cap'n Proto RPC connection to one other vat, with the output gate in it. Every message that the RPC system
// sends (calls, pipelined calls, replies, exceptions, stream chunks, and the bookkeeping between them) passes here, in order,
// and waits until what it depends on is durable; so no actor can forget the gate. Between hosts of one store it waits only for the
// end of its turn, and carries its dependency along.
//
// It is also the border to a peer that may be hostile: every message is checked and counted (PeerAccount) before the RPC system sees it.
//
// Thread: the shard's. The gate, if any, outlives the connection.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <capnp/rpc.capnp.h>
#include <kj/memory.h>

#include <deque>
#include <optional>

#include "runtime/actor/output-gate.h"
#include "runtime/rpc/peer-account.h"
#include "runtime/rpc/wire.h"

namespace meridian::rpc {

using Side = capnp::rpc::twoparty::Side;
using VatConnection = capnp::TwoPartyVatNetworkBase::Connection;

class GatedConnection final: public capnp::TwoPartyVatNetworkBase,
                             private VatConnection,
                             private actor::GatedOutput {
 public:
  // Without a gate (a vat that hosts no actors) messages pass at once.
  GatedConnection(kj::Own<Wire> wire, Side side, kj::Maybe<actor::OutputGate&> gate, const PeerLimits& limits);
  ~GatedConnection() noexcept(false);

  // Resolves when the connection has ended, for whatever reason.
  kj::Promise<void> onDisconnect() { return disconnected_.addBranch(); }

  // The connection ends now because one of both wants it; that is no news for the log.
  void leave() { leaving_ = true; }

  Side peerSide() const { return side_ == Side::CLIENT ? Side::SERVER : Side::CLIENT; }

  // VatNetwork
  kj::Maybe<kj::Own<VatConnection>> connect(capnp::rpc::twoparty::VatId::Reader peer) override;
  kj::Promise<kj::Own<VatConnection>> accept() override;

 private:
  class Outgoing;
  class Incoming;
  struct Held {
    std::optional<Lsn> dependency;   // none: its turn has not ended
    size_t bytes;
    kj::Own<Outgoing> message;
  };

  // Connection
  capnp::rpc::twoparty::VatId::Reader getPeerVatId() override;
  kj::Own<capnp::OutgoingRpcMessage> newOutgoingMessage(unsigned int firstSegmentWords) override;
  kj::Promise<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>> receiveIncomingMessage() override;
  kj::Promise<void> shutdown() override;

  // GatedOutput
  void turnEnded(Lsn observed) override;
  void turnRefused(const kj::Exception& reason) override;
  void durableMoved(Lsn durable) override;
  void aborted(const kj::Exception& reason) override;

  void send(Outgoing& message);
  bool mayPass(const std::optional<Lsn>& dependency) const;
  void releaseHeld();
  void breakOff(const kj::Exception& reason);
  void refuse(kj::Exception&& reason);
  void logAbort(capnp::rpc::Exception::Reader reason);
  void ended();

  kj::Own<Wire> wire_;
  Side side_;
  kj::Maybe<actor::OutputGate&> gate_;
  PeerLimits limits_;
  PeerAccount account_{limits_};
  capnp::MallocMessageBuilder peerId_{8};
  bool accepted_ = false;
  bool leaving_ = false;
  std::deque<Held> held_;
  size_t heldBytes_ = 0;
  kj::Canceler reads_;
  kj::Maybe<kj::Exception> refused_;   // the peer broke a limit: nothing more is read
  kj::Maybe<kj::Exception> broken_;
  kj::Own<kj::PromiseFulfiller<void>> disconnectFulfiller_;
  kj::ForkedPromise<void> disconnected_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<kj::Own<VatConnection>>>> neverAccepted_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> drained_;
};

}  // namespace meridian::rpc
