#include "runtime/rpc/peer.h"

#include <kj/debug.h>

namespace meridian::rpc {

Peer::Peer(Vat& vat, env::Clock& clock, kj::Function<kj::Own<Wire>()> dial)
    : vat_(vat), clock_(clock), dial_(kj::mv(dial)) {}

schema::Node::Client Peer::node() {
  KJ_IF_MAYBE(open, open_) return open->node;
  KJ_IF_MAYBE(failedAt, failedAt_) {
    if (clock_.monotonic() - *failedAt < REDIAL_DELAY) return kj::cp(KJ_ASSERT_NONNULL(failure_));
  }
  KJ_IF_MAYBE(reason, kj::runCatchingExceptions([this]() { open(); })) {
    failedAt_ = clock_.monotonic();
    failure_ = KJ_EXCEPTION(DISCONNECTED, "the peer cannot be reached", reason->getDescription());
    return kj::cp(KJ_ASSERT_NONNULL(failure_));
  }
  return KJ_ASSERT_NONNULL(open_).node;
}

void Peer::open() {
  auto link = vat_.open(dial_());
  auto node = link->peer().castAs<schema::Node>();
  // Dropped in an event of its own: the connection is still on the stack when it tells its end.
  auto watch = link->onDisconnect()
                   .then([]() { return kj::evalLast([]() {}); })
                   .then([this]() {
                     vat_.shard().post([ended = kj::mv(open_)]() {});
                     open_ = nullptr;
                   })
                   .eagerlyEvaluate([](kj::Exception&& error) { KJ_LOG(ERROR, error); });
  open_ = Open{kj::mv(link), kj::mv(node), kj::mv(watch)};
}

capnp::Capability::Client Peer::actor(kj::StringPtr kind, kj::StringPtr name) {
  auto request = node().actorRequest();
  request.setKind(kind);
  request.setName(name);
  return request.send().getActor();
}

capnp::Capability::Client Peer::service(kj::StringPtr name) {
  auto request = node().serviceRequest();
  request.setName(name);
  return request.send().getService();
}

}  // namespace meridian::rpc
