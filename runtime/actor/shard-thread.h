// ShardThread: a thread with a KJ loop and a shard on it, and whatever the composition builds there.
#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/thread.h>

#include <future>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/loop-clock.h"
#include "runtime/actor/loop-waker.h"
#include "runtime/actor/shard.h"

namespace meridian::actor {

// What a shard's thread offers to what lives on it.
class ShardLoop {
 public:
  explicit ShardLoop(ActorSystem& system);

  Shard& shard() { return shard_; }
  LoopClock& clock() { return clock_; }
  kj::AsyncIoContext& io() { return io_; }

 private:
  kj::AsyncIoContext io_;
  Shard shard_;
  LoopWaker waker_;
  LoopClock clock_;
};

class ShardThread {
 public:
  // `build` runs on the new thread, before the constructor returns; what it gives is destroyed there, when stop() is called or this
  // object dies. When it throws, so does the constructor.
  ShardThread(ActorSystem& system, kj::Function<kj::Own<void>(ShardLoop&)> build);
  ~ShardThread() noexcept(false);

  // Any thread.
  Shard& shard() { return *shard_; }

  // Shard threads that send to one another may be stopped one by one: what goes to one that has ended is dropped.
  void stop();

 private:
  void run(ActorSystem& system);

  kj::Function<kj::Own<void>(ShardLoop&)> build_;
  std::promise<Shard*> started_;
  Shard* shard_ = nullptr;
  std::shared_ptr<Door> door_;
  kj::Own<kj::PromiseFulfiller<void>> stopFulfiller_;   // used on the thread
  kj::Maybe<kj::Own<kj::Thread>> thread_;
};

}  // namespace meridian::actor
