#include "runtime/http/upstream.h"

#include <algorithm>

namespace meridian::http {

namespace {

bool usable(const Upstream& upstream) { return !upstream.input.ended() && upstream.input.bytes().empty(); }

}  // namespace

kj::Maybe<kj::Own<Upstream>> IdleUpstreams::take(Duration now, Duration maxIdle) {
  while (!idle_.empty()) {
    auto upstream = kj::mv(idle_.back());
    idle_.pop_back();
    if (!usable(*upstream)) continue;
    if (now - upstream->idleSince < maxIdle) return kj::mv(upstream);
    idle_.push_back(kj::mv(upstream));
    return nullptr;
  }
  return nullptr;
}

void IdleUpstreams::put(kj::Own<Upstream> upstream, Duration now, size_t max) {
  if (idle_.size() >= max) return;
  upstream->reused = true;
  upstream->idleSince = now;
  upstream->input.readAhead();
  idle_.push_back(kj::mv(upstream));
}

void IdleUpstreams::dropIdle(Duration now, Duration timeout) {
  auto gone = [&](const kj::Own<Upstream>& upstream) {
    return !usable(*upstream) || now - upstream->idleSince >= timeout;
  };
  idle_.erase(std::remove_if(idle_.begin(), idle_.end(), gone), idle_.end());
}

}  // namespace meridian::http
