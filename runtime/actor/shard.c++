#include "runtime/actor/shard.h"

#include <kj/async-inl.h>

#include <algorithm>

namespace meridian::actor {

class Shard::Drain final: public kj::_::Event {
 public:
  explicit Drain(Shard& shard): shard_(shard) {}
  kj::Maybe<kj::Own<Event>> fire() override {
    shard_.runSome();
    return nullptr;
  }
  void traceEvent(kj::_::TraceBuilder&) override {}

 private:
  Shard& shard_;
};

class Shard::Late final: public kj::_::Event {
 public:
  explicit Late(Shard& shard): shard_(shard) {}
  kj::Maybe<kj::Own<Event>> fire() override {
    shard_.runIdleWork();
    return nullptr;
  }
  void traceEvent(kj::_::TraceBuilder&) override {}

 private:
  Shard& shard_;
};

Shard::Shard(caf::actor_system& system, kj::Maybe<Random> order)
    : caf::execution_unit(&system), thread_(std::this_thread::get_id()),
      drain_(kj::heap<Drain>(*this)), late_(kj::heap<Late>(*this)) {
  KJ_IF_MAYBE(random, order) order_ = *random;
}

Shard::~Shard() noexcept {
  door_->close();
  takeArrived();
  for (auto* resumable : ready_) caf::intrusive_ptr_release(resumable);
  // One by one, and before the members go: what is dropped may post to this shard.
  while (!posted_.empty()) {
    auto dropped = kj::mv(posted_.front());
    posted_.pop_front();
  }
}

void Shard::roused() {
  takeArrived();
  drain_->armBreadthFirst();
}

void Shard::post(kj::Function<void()> f) {
  if (ownThread()) {
    posted_.push_back(kj::mv(f));
    drain_->armBreadthFirst();
    return;
  }
  door_->post(kj::mv(f));
}

void Shard::exec_later(caf::resumable* ready) {
  if (ownThread()) {
    ready_.push_back(ready);
    drain_->armBreadthFirst();
    return;
  }
  door_->resume(ready);
}

void Shard::whenIdle(IdleWork& work) {
  if (work.queued_) return;
  work.queued_ = true;
  idleWork_.push_back(&work);
  late_->armLast();
}

void Shard::forget(IdleWork& work) {
  if (!work.queued_) return;
  work.queued_ = false;
  std::erase(idleWork_, &work);
}

void Shard::takeArrived() {
  auto arrived = door_->take();
  ready_.insert(ready_.end(), arrived.ready.begin(), arrived.ready.end());
  for (auto& f : arrived.posted) posted_.push_back(kj::mv(f));
}

void Shard::runSome() {
  for (size_t left = posted_.size(); left > 0; left--) {
    auto f = kj::mv(posted_.front());
    posted_.pop_front();
    f();
  }
  for (size_t left = RESUMES_PER_EVENT; left > 0 && !ready_.empty(); left--) runOne(pickReady());
  if (resumesSinceIdle_ >= IDLE_DELAY_MAX) runIdleWork();
  if (!ready_.empty() || !posted_.empty()) drain_->armBreadthFirst();
}

void Shard::drainNow() {
  while (!ready_.empty()) runOne(pickReady());
}

caf::resumable* Shard::pickReady() {
  size_t index = order_ ? order_->below(ready_.size()) : 0;
  auto* picked = ready_[index];
  ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(index));
  return picked;
}

void Shard::runOne(caf::resumable* ready) {
  resumesSinceIdle_++;
  // The simulator takes one message at a time, so that the seed orders messages and not only actors.
  size_t throughput = order_ ? 1 : RESUMES_PER_EVENT;
  switch (ready->resume(this, throughput)) {
    case caf::resumable::resume_later:
      ready_.push_back(ready);
      break;
    case caf::resumable::shutdown_execution_unit:
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(ready);
      break;
  }
}

void Shard::runIdleWork() {
  resumesSinceIdle_ = 0;
  auto work = kj::mv(idleWork_);
  idleWork_.clear();
  for (auto* each : work) each->queued_ = false;
  for (auto* each : work) each->onIdle();
}

}  // namespace meridian::actor
