// LoopWaker: rouses a shard's loop from another thread through an eventfd. Made and destroyed on the shard's thread; its end
// closes the shard's door.
#pragma once

#include <kj/async-unix.h>
#include <kj/io.h>

#include <atomic>

#include "runtime/actor/shard.h"

namespace meridian::actor {

class LoopWaker final: public Waker {
 public:
  LoopWaker(kj::UnixEventPort& port, Shard& shard);
  ~LoopWaker() noexcept { shard_.closeDoor(); }

  void wake() override;

 private:
  kj::Promise<void> watch();

  Shard& shard_;
  kj::AutoCloseFd fd_;
  std::atomic<bool> roused_{false};
  kj::UnixEventPort::FdObserver observer_;
  kj::Promise<void> watching_;
};

}  // namespace meridian::actor
