#include "sim/world/clock.h"

namespace meridian::sim {

kj::Promise<void> SimTime::until(Duration moment) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiters_.emplace(moment, kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

std::optional<Duration> SimTime::next() {
  // Those who no longer wait do not count.
  for (auto& [moment, fulfiller] : waiters_) {
    if (fulfiller->isWaiting()) return moment;
  }
  return std::nullopt;
}

void SimTime::advanceTo(Duration moment) {
  now_ = moment;
  while (!waiters_.empty() && waiters_.begin()->first <= now_) {
    auto fulfiller = kj::mv(waiters_.begin()->second);
    waiters_.erase(waiters_.begin());
    fulfiller->fulfill();
  }
}

}  // namespace meridian::sim
