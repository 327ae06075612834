// The store on LMDB: one environment, one commit thread, readers on the shards' threads. What the file holds is in format.h,
// how batches are committed and can fail in commit-thread.h.
#pragma once

#include <kj/memory.h>

#include <string>

#include "runtime/base/units.h"
#include "runtime/env/store.h"

namespace meridian::store {

inline constexpr unsigned READERS_MAX = 126;    // readers at a time, LMDB's own default

struct LmdbOptions {
  size_t mapBytes = 1ull << 40;                 // address space; the most that the file can grow to
  Duration commitLimit = std::chrono::seconds(30);   // a commit that takes longer ends the process
};

// Opens the store in `folder`, which is made with its parents (mode 0700) when it is absent, and raises its term. Nothing else
// in this process may have it open. Throws kj::Exception, naming the folder, when that cannot be done.
kj::Own<env::Store> openLmdbStore(const std::string& folder, const LmdbOptions& options = {});

}  // namespace meridian::store
