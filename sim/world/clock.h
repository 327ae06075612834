// SimClock: a clock that is moved by hand. Each simulated process has one, over the world's time; its wall clock may be off.
#pragma once

#include <kj/async.h>

#include <map>
#include <optional>

#include "runtime/env/clock.h"

namespace meridian::sim {

// The one time of a world, and everything that waits for it.
class SimTime {
 public:
  Duration now() const { return now_; }
  kj::Promise<void> until(Duration moment);

  // When the next waiter is due.
  std::optional<Duration> next();

  // Moves to `moment` and wakes who is due by then, in order of their times; equal times in order of asking.
  void advanceTo(Duration moment);

 private:
  Duration now_{};
  std::multimap<Duration, kj::Own<kj::PromiseFulfiller<void>>> waiters_;
};

class SimClock final: public env::Clock {
 public:
  // The wall clock of a new world.
  static constexpr Instant EPOCH = instantFromNs(1'767'225'600'000'000'000);   // 2026-01-01

  explicit SimClock(SimTime& time): time_(time) {}

  Instant now() override { return EPOCH + time_.now() + offset_; }
  Duration monotonic() override { return time_.now(); }
  kj::Promise<void> after(Duration delay) override { return time_.until(time_.now() + delay); }

  // Makes the wall clock step.
  void setOffset(Duration offset) { offset_ = offset; }

 private:
  SimTime& time_;
  Duration offset_{};
};

}  // namespace meridian::sim
