// SpareMemory: gives back to the kernel what the heap holds free. glibc keeps what a burst of starts has used, in pieces between what
// lives on; without this, a platform whose IDs all sleep would hold the memory of its busiest moment for ever.
//
// Thread: the loop's, which stands still meanwhile: for at most a hundredth of its time.
#pragma once

#include <kj/async.h>

#include "runtime/env/clock.h"

namespace meridian::platform {

class SpareMemory {
 public:
  // The clock outlives it.
  explicit SpareMemory(env::Clock& clock);

 private:
  kj::Promise<void> watch(Duration pause);

  env::Clock& clock_;
  kj::Promise<void> watching_;
};

}  // namespace meridian::platform
