// Shard: one thread, one KJ loop, its actors. CAF gives the actors their scheduling and supervision, KJ gives them I/O and
// RPC; a shard is where the two meet: it is CAF's execution unit, and runs CAF's resumables as events of the KJ loop.
//
// All of it belongs to the thread that made it, except post() and exec_later(), which any thread may call while the shard lives, and
// its door, which may be kept longer.
#pragma once

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <kj/async.h>
#include <kj/function.h>

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/actor/door.h"
#include "runtime/base/random.h"

namespace meridian::actor {

// Work put off until the loop has nothing else to do, so that what many turns produced leaves together: commits, socket writes.
class IdleWork {
 public:
  virtual void onIdle() = 0;

 protected:
  ~IdleWork() = default;

 private:
  friend class Shard;
  bool queued_ = false;
};

class Shard final: public caf::execution_unit {
 public:
  // The thread has a running KJ loop. `order` is given by the simulator: it picks which ready actor runs next.
  Shard(caf::actor_system& system, kj::Maybe<Random> order);
  ~Shard() noexcept override;

  // Without a waker the shard may only be posted to from its own thread.
  void setWaker(Waker& waker) { door_->setWaker(waker); }

  // For the waker's end: from now on nothing comes in through the door.
  void closeDoor() { door_->close(); }

  std::shared_ptr<Door> door() { return door_; }

  // What the waker calls, on the shard's thread.
  void roused();

  // Runs f on the shard's thread, after what is running now; in order for one poster.
  void post(kj::Function<void()> f);

  // Runs the resumable soon; takes over the caller's reference.
  void exec_later(caf::resumable* ready) override;

  // Calls work.onIdle() once, when the loop would sleep, and at the latest after IDLE_DELAY_MAX resumes.
  void whenIdle(IdleWork& work);
  void forget(IdleWork& work);

  // Runs what is ready now, without returning to the loop: for taking things down.
  void drainNow();

 private:
  friend class Door;

  static constexpr size_t RESUMES_PER_EVENT = 64;
  static constexpr size_t IDLE_DELAY_MAX = 512;   // resumes
  class Drain;
  class Late;

  bool ownThread() const { return std::this_thread::get_id() == thread_; }
  void takeArrived();
  void runSome();
  void runOne(caf::resumable* ready);
  caf::resumable* pickReady();
  void runIdleWork();

  std::thread::id thread_;
  std::optional<Random> order_;
  std::shared_ptr<Door> door_ = std::make_shared<Door>(*this);
  std::deque<caf::resumable*> ready_;
  std::deque<kj::Function<void()>> posted_;
  std::vector<IdleWork*> idleWork_;
  size_t resumesSinceIdle_ = 0;
  kj::Own<Drain> drain_;
  kj::Own<Late> late_;
};

}  // namespace meridian::actor
