#include "runtime/actor/door.h"

#include <caf/intrusive_ptr.hpp>
#include <utility>

#include "runtime/actor/shard.h"
#include "runtime/base/check.h"

namespace meridian::actor {

void Door::post(kj::Function<void()> f) {
  std::unique_lock lock(mutex_);
  if (shard_ == nullptr) return;
  if (shard_->ownThread()) {
    auto& shard = *shard_;
    lock.unlock();
    shard.post(kj::mv(f));
    return;
  }
  arrived_.posted.push_back(kj::mv(f));
  wakeLocked();
}

void Door::resume(caf::resumable* ready) {
  std::unique_lock lock(mutex_);
  if (shard_ == nullptr) {
    lock.unlock();
    caf::intrusive_ptr_release(ready);
    return;
  }
  arrived_.ready.push_back(ready);
  wakeLocked();
}

void Door::setWaker(Waker& waker) {
  std::lock_guard lock(mutex_);
  waker_ = &waker;
}

void Door::close() {
  std::lock_guard lock(mutex_);
  shard_ = nullptr;
  waker_ = nullptr;
}

Door::Arrived Door::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(arrived_, {});
}

// Under the lock: what has arrived may be what ends the shard, and could be taken before its poster came to wake it.
void Door::wakeLocked() {
  check(waker_ != nullptr, "a shard without a waker is posted to from its own thread only");
  waker_->wake();
}

}  // namespace meridian::actor
