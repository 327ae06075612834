// Pool: things that take milliseconds to make, made ahead and kept ready to a level. take() gives a
// ready one, or makes one when the pool is empty. What was taken is replaced in the background, but
// only REFILL_DELAY later: making one takes the same locks of the kernel as the start that the other
// was taken for, and such a start is over sooner than that.
// When making ahead fails the pool stops doing so until the next take(): the taker then gets the
// error. Used on one loop.
#pragma once

#include <kj/async.h>
#include <kj/debug.h>
#include <kj/function.h>
#include <kj/timer.h>
#include <kj/vector.h>

#include <deque>

#include "runtime/env/worker.h"

namespace meridian::container {

template <typename Item>
class Pool: private kj::TaskSet::ErrorHandler {
 public:
  using Make = kj::Function<kj::Promise<Item>(env::Urgency)>;

  static constexpr kj::Duration REFILL_DELAY = 25 * kj::MILLISECONDS;

  Pool(kj::Timer& timer, size_t level, Make make)
      : timer_(timer), level_(level), make_(kj::mv(make)), filling_(*this) {}
  KJ_DISALLOW_COPY(Pool);

  kj::Promise<Item> take() {
    KJ_DEFER(fillLater());
    if (ready_.empty()) return make(env::Urgency::SOON);
    auto item = kj::mv(ready_.front());
    ready_.pop_front();
    return kj::mv(item);
  }

  // Makes up to the level in the background.
  void fill() {
    while (!drained_ && ready_.size() + making_ < level_) {
      making_++;
      filling_.add(make(env::Urgency::BACKGROUND)
                       .then([this](Item&& item) { ready_.push_back(kj::mv(item)); })
                       .attach(kj::defer([this] { making_--; })));
    }
  }

  // Resolves when nothing is being made; from now on nothing is made ahead. Answers what was ready,
  // to be given back.
  kj::Promise<std::deque<Item>> drain() {
    drained_ = true;
    refill_ = kj::READY_NOW;
    return filling_.onEmpty().then([this] { return kj::mv(ready_); });
  }

  size_t ready() const { return ready_.size(); }

 private:
  kj::Promise<Item> make(env::Urgency urgency) {
    return kj::evalNow([this, urgency] { return make_(urgency); });
  }

  void fillLater() {
    if (refillDue_ || drained_) return;
    refillDue_ = true;
    refill_ = timer_.afterDelay(REFILL_DELAY)
                  .then([this] {
                    refillDue_ = false;
                    fill();
                  })
                  .eagerlyEvaluate([this](kj::Exception&& error) { taskFailed(kj::mv(error)); });
  }

  void taskFailed(kj::Exception&& error) override {
    KJ_LOG(WARNING, "pool could not be filled", error);
  }

  kj::Timer& timer_;
  size_t level_;
  Make make_;
  std::deque<Item> ready_;
  size_t making_ = 0;
  bool drained_ = false;
  bool refillDue_ = false;
  kj::Promise<void> refill_ = kj::READY_NOW;
  kj::TaskSet filling_;
};

}  // namespace meridian::container
