// ReadinessProber: notices when an instance's ports accept connections. It tries at once and then
// every millisecond; a connection that is under way is watched by event. With many instances
// starting at once the tries are spread so that they cost a bounded share of a core. Used on one
// loop.
#pragma once

#include <kj/async-unix.h>

#include <deque>
#include <list>
#include <vector>

namespace meridian::container {

class ReadinessProber {
 public:
  static constexpr int INTERVAL_US = 1000;          // between two tries of one instance
  static constexpr size_t TRIES_PER_TICK_MAX = 25;  // above it instances take turns

  explicit ReadinessProber(kj::UnixEventPort& port);

  // Resolves when each port of the address (IPv4, host byte order) has accepted. Dropping the
  // promise ends the tries.
  kj::Promise<void> whenReady(uint32_t address, std::vector<uint16_t> ports);

 private:
  kj::Promise<void> probe(uint32_t address, uint16_t port);
  kj::Promise<void> nextTick();
  kj::Promise<void> tick();
  void arm(bool on);

  kj::UnixEventPort& port_;
  kj::AutoCloseFd timer_;
  kj::UnixEventPort::FdObserver observer_;
  std::deque<kj::Own<kj::PromiseFulfiller<void>>> waiting_;  // for their next try
  bool armed_ = false;
  kj::Promise<void> ticking_;
};

}  // namespace meridian::container
