// A Wire between two vats of one process, on one thread or on two: words pass from loop to loop, nothing is copied.
#pragma once

#include <kj/memory.h>

#include "runtime/actor/shard.h"
#include "runtime/rpc/wire.h"

namespace meridian::rpc {

enum class Stores { APART, SHARED };

struct MemoryWires {
  kj::Own<Wire> left;
  kj::Own<Wire> right;
};

// Each end is used and destroyed on its shard's thread. The other end's shard may have gone by then: what is written is dropped.
MemoryWires newMemoryWires(actor::Shard& left, actor::Shard& right, Stores stores);

}  // namespace meridian::rpc
