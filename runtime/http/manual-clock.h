// ManualClock: a clock that stands still until somebody moves it. For tests and fuzzing.
#pragma once

#include <kj/timer.h>

#include "runtime/env/clock.h"

namespace meridian::http {

class ManualClock final: public env::Clock {
 public:
  Instant now() override { return instantFromNs(1'700'000'000'000'000'000) + elapsed(); }
  Duration monotonic() override { return elapsed(); }
  kj::Promise<void> after(Duration delay) override { return timer_.afterDelay(delay.count() * kj::NANOSECONDS); }

  void advance(Duration delay) { timer_.advanceTo(timer_.now() + delay.count() * kj::NANOSECONDS); }

 private:
  Duration elapsed() { return Duration((timer_.now() - kj::origin<kj::TimePoint>()) / kj::NANOSECONDS); }

  kj::TimerImpl timer_{kj::origin<kj::TimePoint>()};
};

}  // namespace meridian::http
