// Wire: a two-way, ordered, reliable channel of Cap'n Proto messages to one other vat: memory, a socket, or a simulated network.
// Below it bytes or words move; above it a GatedConnection decides when a message may leave.
//
// Thread: the shard's.
#pragma once

#include <capnp/common.h>
#include <kj/array.h>
#include <kj/async.h>
#include <kj/string.h>

#include "runtime/base/names.h"

namespace meridian::rpc {

struct Packet {
  kj::Array<capnp::word> words;   // one message, flat, with its segment table
  Lsn dependency;                 // within one store; 0 across stores
};

class Wire {
 public:
  virtual ~Wire() noexcept(false) = default;

  // Queues the packet; it leaves at the latest when the loop is idle. What cannot be delivered is dropped: the reader learns it.
  virtual void write(Packet&& packet) = 0;

  // The next packet; none at the clean end of the stream. Rejected with DISCONNECTED when the channel breaks.
  virtual kj::Promise<kj::Maybe<Packet>> read() = 0;

  // Writes what is queued, then ends this direction.
  virtual kj::Promise<void> shutdown() = 0;

  // Whether both ends are hosts of one store: then messages pass before they are durable, and carry their dependency.
  virtual bool sharesStore() const { return false; }

  // Who is at the other end, for the log.
  virtual kj::StringPtr peer() const { return "vat"; }
};

}  // namespace meridian::rpc
