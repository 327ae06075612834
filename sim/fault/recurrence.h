// Recurrence: what happens to a world again and again, at irregular times, while it lasts.
#pragma once

#include <memory>

#include "sim/world/chance.h"
#include "sim/world/stage.h"

namespace meridian::sim {

class Recurrence {
 public:
  Recurrence(Stage& stage, Random random): stage_(stage), random_(random) {}

  void begin() { *lasts_ = true; }
  void end() { *lasts_ = false; }

  // Between one millisecond and twice `period` from now, and so on; zero: never.
  void every(Duration period, kj::Function<void()> act) {
    if (period == Duration::zero()) return;
    after(span(random_, std::chrono::milliseconds(1), period * 2), [this, period, act = kj::mv(act)]() mutable {
      act();
      every(period, kj::mv(act));
    });
  }

  // Once, if it still lasts by then.
  void after(Duration delay, kj::Function<void()> act) {
    stage_.after(delay, [lasts = lasts_, act = kj::mv(act)]() mutable {
      if (*lasts) act();
    });
  }

 private:
  Stage& stage_;
  Random random_;
  std::shared_ptr<bool> lasts_ = std::make_shared<bool>(false);
};

}  // namespace meridian::sim
