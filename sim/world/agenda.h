// Agenda: what will happen to a world from outside of its event loop: a message arrives, a disk finishes, a process dies, an instance
// exits. Actions run one at a time, between events of the loop, so they may destroy what lives on it.
#pragma once

#include <kj/function.h>

#include <map>
#include <optional>

#include "runtime/base/units.h"

namespace meridian::sim {

class Agenda {
 public:
  void at(Duration moment, kj::Function<void()> action) { actions_.emplace(moment, kj::mv(action)); }

  std::optional<Duration> next() const {
    if (actions_.empty()) return std::nullopt;
    return actions_.begin()->first;
  }

  // Runs the first one; equal times in order of asking.
  void runNext() {
    auto action = kj::mv(actions_.begin()->second);
    actions_.erase(actions_.begin());
    action();
  }

 private:
  std::multimap<Duration, kj::Function<void()>> actions_;
};

}  // namespace meridian::sim
