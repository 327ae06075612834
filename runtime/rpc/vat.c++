#include "runtime/rpc/vat.h"

namespace meridian::rpc {

Vat::Vat(actor::Shard& shard): Vat(shard, nullptr, kj::heap<NodeServer>(nullptr)) {}

Vat::Vat(actor::Host& host): Vat(host.shard(), host, kj::heap<NodeServer>(host)) {}

Vat::Vat(actor::Shard& shard, kj::Maybe<actor::Host&> host, kj::Own<NodeServer> server)
    : shard_(shard), host_(host), server_(server.get()), node_(kj::mv(server)) {}

Vat::~Vat() noexcept(false) {
  *alive_ = false;
  server_->close();
}

kj::Maybe<actor::OutputGate&> Vat::gate() {
  KJ_IF_MAYBE(host, host_) return host->gate();
  return nullptr;
}

void Vat::accept(kj::Own<Wire> wire, capnp::Capability::Client bootstrap, const PeerLimits& limits) {
  links_.add(kj::heap<Link>(kj::mv(wire), Side::SERVER, gate(), kj::mv(bootstrap), limits));
}

void Vat::acceptLater(kj::Own<Wire> wire) {
  shard_.post([this, alive = alive_, wire = kj::mv(wire)]() mutable {
    if (*alive) accept(kj::mv(wire));
  });
}

kj::Own<Link> Vat::open(kj::Own<Wire> wire) {
  return kj::heap<Link>(kj::mv(wire), Side::CLIENT, gate(), node_, PeerLimits());
}

kj::Own<Wire> Vat::dial(Vat& other, Stores stores) {
  auto wires = newMemoryWires(shard_, other.shard_, stores);
  other.acceptLater(kj::mv(wires.right));
  return kj::mv(wires.left);
}

}  // namespace meridian::rpc
