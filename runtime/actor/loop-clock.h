// LoopClock: env::Clock from the kernel's clocks, with the timer of a KJ loop.
#pragma once

#include <kj/timer.h>

#include "runtime/env/clock.h"

namespace meridian::actor {

class LoopClock final: public env::Clock {
 public:
  // The timer counts by CLOCK_MONOTONIC, as KJ's loops do, and outlives the clock.
  explicit LoopClock(kj::Timer& timer): timer_(timer) {}

  Instant now() override;
  Duration monotonic() override;
  kj::Promise<void> after(Duration delay) override;

 private:
  kj::Timer& timer_;
};

}  // namespace meridian::actor
