// Upstream: one connection to a container, and the idle ones that are kept for the next request to the same instance.
#pragma once

#include <kj/async-io.h>

#include <vector>

#include "runtime/base/units.h"
#include "runtime/http/buffered-input.h"

namespace meridian::http {

struct Upstream {
  explicit Upstream(kj::Own<kj::AsyncIoStream> connection): stream(kj::mv(connection)), input(*stream) {}

  kj::Own<kj::AsyncIoStream> stream;
  BufferedInput input;
  bool reused = false;   // it has carried an exchange before
  Duration idleSince{};  // monotonic
};

// The kept connections of one instance, the least recently used first. Each is read ahead, so that one that the
// container has closed, or on which it speaks unasked, is known and never used.
class IdleUpstreams {
 public:
  // The one used last, if it has been idle for less than `maxIdle`.
  kj::Maybe<kj::Own<Upstream>> take(Duration now, Duration maxIdle);

  // Keeps the connection unless there are `max` already.
  void put(kj::Own<Upstream> upstream, Duration now, size_t max);

  // Closes those that have been idle for `timeout`, and those that the container has closed.
  void dropIdle(Duration now, Duration timeout);

  void clear() { idle_.clear(); }

 private:
  std::vector<kj::Own<Upstream>> idle_;
};

}  // namespace meridian::http
