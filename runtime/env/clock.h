// Clock: the time, and waiting for it. In production the kernel's clocks; in the simulator a clock moved by hand.
// Used on the thread of the loop it was made for.
#pragma once

#include <kj/async.h>

#include "runtime/base/units.h"

namespace meridian::env {

class Clock {
 public:
  // Wall-clock time. It may step; it is what alarms and deadlines are compared with.
  virtual Instant now() = 0;

  // Time that never steps, from an unspecified start; for measuring how long something took.
  virtual Duration monotonic() = 0;

  // Resolves once `monotonic()` has advanced by `delay`, not earlier. Dropping the promise cancels it.
  virtual kj::Promise<void> after(Duration delay) = 0;

 protected:
  ~Clock() = default;
};

}  // namespace meridian::env
