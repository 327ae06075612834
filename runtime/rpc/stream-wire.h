// A Wire over a byte stream, such as a Unix socket, in Cap'n Proto's standard framing: any two-party client can be at the other
// end. Messages of one loop iteration leave in one write.
#pragma once

#include <kj/async-io.h>

#include "runtime/actor/shard.h"
#include "runtime/rpc/wire.h"

namespace meridian::rpc {

kj::Own<Wire> newStreamWire(actor::Shard& shard, kj::Own<kj::AsyncIoStream> stream);

}  // namespace meridian::rpc
