// Peer: another vat that this one calls, over a link that is opened when it is first needed and again after it has ended. Calls
// that were under way when a link ended are DISCONNECTED; the next ones go over the new link.
//
// Thread: the vat's shard's.
#pragma once

#include <kj/function.h>

#include "runtime/env/clock.h"
#include "runtime/rpc/vat.h"

namespace meridian::rpc {

class Peer {
 public:
  // `dial` opens a wire; where that takes time, it gives one that queues. When it throws, calls are DISCONNECTED, and it is tried
  // again with the next call after REDIAL_DELAY. The vat and the clock outlive the peer.
  Peer(Vat& vat, env::Clock& clock, kj::Function<kj::Own<Wire>()> dial);

  // What the peer offers, over the present link. Take it anew for each call.
  schema::Node::Client node();

  capnp::Capability::Client actor(kj::StringPtr kind, kj::StringPtr name);
  capnp::Capability::Client service(kj::StringPtr name);

 private:
  static constexpr Duration REDIAL_DELAY = std::chrono::milliseconds(50);

  struct Open {
    kj::Own<Link> link;
    schema::Node::Client node;
    kj::Promise<void> watch;
  };

  void open();

  Vat& vat_;
  env::Clock& clock_;
  kj::Function<kj::Own<Wire>()> dial_;
  kj::Maybe<Open> open_;
  kj::Maybe<Duration> failedAt_;   // monotonic
  kj::Maybe<kj::Exception> failure_;
};

}  // namespace meridian::rpc
