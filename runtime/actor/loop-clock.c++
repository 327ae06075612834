#include "runtime/actor/loop-clock.h"

#include <time.h>

#include <algorithm>

namespace meridian::actor {

namespace {

int64_t read(clockid_t id) {
  timespec time;
  clock_gettime(id, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Instant LoopClock::now() { return instantFromNs(read(CLOCK_REALTIME)); }

Duration LoopClock::monotonic() { return Duration(read(CLOCK_MONOTONIC)); }

kj::Promise<void> LoopClock::after(Duration delay) {
  // From the real present: the loop's own idea of it is as old as its present iteration.
  auto at = monotonic() + std::max(delay, Duration::zero());
  return timer_.atTime(kj::origin<kj::TimePoint>() + at.count() * kj::NANOSECONDS);
}

}  // namespace meridian::actor
