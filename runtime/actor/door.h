// Door: what other threads, and all that may outlive a shard, hold of it. Where shards end one after another, each may still have
// something to send to one that has gone; a door then lets it drop.
#pragma once

#include <kj/function.h>

#include <caf/fwd.hpp>
#include <mutex>
#include <vector>

namespace meridian::actor {

class Shard;

// How another thread rouses the loop of a shard. In production an eventfd (loop-waker.h). Any thread; cheap when repeated.
class Waker {
 public:
  virtual void wake() = 0;

 protected:
  ~Waker() = default;
};

class Door {
 public:
  explicit Door(Shard& shard): shard_(&shard) {}

  // Any thread, also after the shard's end: what comes then is dropped, on the thread that brings it.
  void post(kj::Function<void()> f);
  void resume(caf::resumable* ready);   // takes over the caller's reference

 private:
  friend class Shard;

  struct Arrived {
    std::vector<caf::resumable*> ready;
    std::vector<kj::Function<void()>> posted;
  };

  // The shard's thread.
  void setWaker(Waker& waker);
  void close();
  Arrived take();

  void wakeLocked();

  std::mutex mutex_;
  Shard* shard_;              // none: it takes no more
  Waker* waker_ = nullptr;
  Arrived arrived_;
};

}  // namespace meridian::actor
