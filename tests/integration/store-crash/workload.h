// Workload: several hundred turns of ledgers on an LMDB store, from calls made by clients outside, of which now few and now many
// are under way; with restarts, and batches that find no space.
#pragma once

#include <string>

#include "runtime/base/random.h"
#include "tests/integration/store-crash/recording.h"

namespace meridian::crash {

struct WorkloadOptions {
  unsigned lives = 3;                 // the store is opened so often
  unsigned callsPerLife = 300;
};

// On a new store in `folder`.
Recording runWorkload(const std::string& folder, uint64_t seed, const WorkloadOptions& options = {});

}  // namespace meridian::crash
