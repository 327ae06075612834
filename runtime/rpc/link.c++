#include "runtime/rpc/link.h"

#include <capnp/message.h>
#include <kj/debug.h>

namespace meridian::rpc {

Link::Link(kj::Own<Wire> wire, Side side, kj::Maybe<actor::OutputGate&> gate, capnp::Capability::Client bootstrap,
           const PeerLimits& limits)
    : connection_(kj::mv(wire), side, gate, limits), system_(capnp::makeRpcServer(connection_, kj::mv(bootstrap))) {}

capnp::Capability::Client Link::peer() {
  capnp::MallocMessageBuilder message(8);
  auto id = message.initRoot<capnp::rpc::twoparty::VatId>();
  id.setSide(connection_.peerSide());
  return system_.bootstrap(id);
}

void LinkSet::add(kj::Own<Link> link) {
  auto ended = link->onDisconnect();
  // Dropped in an event of its own: the connection is still on the stack when it tells its end.
  watches_.add(ended.then([]() { return kj::evalLast([]() {}); }).attach(kj::mv(link)));
}

void LinkSet::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, exception); }

}  // namespace meridian::rpc
