// What can be on the disk when the power fails in the middle of a recording. Writes that a sync has covered are there. Of the
// others anything may be: each 512-byte sector holds what was synced, or what any one of the later writes put there, whatever
// the order; a file that grew may or may not have grown.
#pragma once

#include <functional>
#include <string>

#include "tests/integration/store-crash/recording.h"

namespace meridian::crash {

struct CrashState {
  uint64_t index;                     // among all of this recording and these options
  const char* how;
  size_t events;                      // that came before the crash
  bool exists;                        // whether the file has its name
  const Promises& promises;
  const std::function<std::string()>& file;   // makes its contents; costs a copy of it
};

struct CrashOptions {
  uint64_t seed = 1;
  unsigned variants = 1;              // seeded choices at each boundary, beside the cut and the loss of all that is not synced
};

// Visits the crash states at every boundary between two changes of the disk, from the moment the file has its name. The same
// recording and options give the same states.
void forEachCrashState(const Recording& recording, const CrashOptions& options, const std::function<void(const CrashState&)>& visit);

}  // namespace meridian::crash
