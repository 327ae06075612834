// A Wire over a byte stream, such as a Unix socket, in Cap'n Proto's standard framing: any two-party client can be at the other
// end. Messages of one loop iteration leave in one write. A peer that breaks a limit, or takes too long over a message, breaks it.
#pragma once

#include <kj/async-io.h>

#include "runtime/actor/shard.h"
#include "runtime/env/clock.h"
#include "runtime/rpc/peer-limits.h"
#include "runtime/rpc/wire.h"

namespace meridian::rpc {

// `peer` says in the log who is at the other end. Shard and clock outlive the wire.
kj::Own<Wire> newStreamWire(actor::Shard& shard, env::Clock& clock, kj::Own<kj::AsyncIoStream> stream, kj::String peer,
                            const PeerLimits& limits);

}  // namespace meridian::rpc
