// ReadinessProber: notices when an instance's ports accept connections. It tries at once, five times a millisecond while the program
// is young, and then every millisecond; a connection that is under way is watched by event. With many instances starting at once the
// tries are spread so that they cost a bounded share of a core. Used on one loop.
#pragma once

#include <kj/async-unix.h>

#include <map>
#include <vector>

#include "runtime/base/units.h"

namespace meridian::container {

class ReadinessProber {
 public:
  // Between two tries of one port: a server written to start fast listens within a millisecond of its exec.
  static constexpr Duration INTERVAL_YOUNG = std::chrono::microseconds(200);
  static constexpr Duration INTERVAL = std::chrono::milliseconds(1);
  static constexpr Duration YOUNG_FOR = std::chrono::milliseconds(5);
  static constexpr size_t TRIES_PER_TICK_MAX = 5;   // in INTERVAL_YOUNG; above it instances take turns

  explicit ReadinessProber(kj::UnixEventPort& port);

  // Resolves when each port of the address (IPv4, host byte order) has accepted. Dropping the
  // promise ends the tries.
  kj::Promise<void> whenReady(uint32_t address, std::vector<uint16_t> ports);

 private:
  kj::Promise<void> probe(uint32_t address, uint16_t port, Duration since);
  kj::Promise<void> until(Duration moment);
  kj::Promise<void> tick();
  void tryThoseDue();
  void armAt(Duration moment);

  kj::UnixEventPort& port_;
  kj::AutoCloseFd timer_;
  kj::UnixEventPort::FdObserver observer_;
  std::multimap<Duration, kj::Own<kj::PromiseFulfiller<void>>> waiting_;  // for their next try, by its moment
  kj::Promise<void> ticking_;
};

}  // namespace meridian::container
