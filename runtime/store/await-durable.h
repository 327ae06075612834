// Blocks a thread that has no loop (a test, a benchmark, a tool) until a store has caught up. Actors never wait like this.
#pragma once

#include "runtime/env/store.h"

namespace meridian::store {

// Returns once `lsn` is durable or aborted; the store must be committing on a thread of its own. Does not flush.
void awaitDurable(env::Store& store, Lsn lsn);

}  // namespace meridian::store
