// What can be on the disk when the power fails in the middle of a recording. Writes that a sync has covered are there. Of the
// others anything may be: each 512-byte sector holds what was synced, or what any one of the later writes put there, whatever
// the order; a file that grew may or may not have grown.
#pragma once

#include <functional>
#include <string>

#include "runtime/base/random.h"
#include "tests/integration/store-crash/recording.h"

namespace meridian::crash {

struct CrashState {
  std::string label;                  // where and how, for a report
  bool exists = true;                 // whether the file has its name
  std::string file;
  Acknowledged acknowledged{};        // the last before the crash
};

struct CrashOptions {
  unsigned variants;                  // seeded choices at each boundary, beside the cut and the loss of all that is not synced
};

// Visits the crash states at every boundary between two events, from the moment the file has its name.
void forEachCrashState(const Recording& recording, const CrashOptions& options, Random random,
                       const std::function<void(const CrashState&)>& visit);

}  // namespace meridian::crash
