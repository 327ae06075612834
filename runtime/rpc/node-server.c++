#include "runtime/rpc/node-server.h"

#include <kj/debug.h>

namespace meridian::rpc {

void NodeServer::offer(kj::StringPtr name, capnp::Capability::Client service) {
  services_.insert_or_assign(name.cStr(), kj::mv(service));
}

void NodeServer::close() {
  host_ = nullptr;
  services_.clear();
}

kj::Promise<void> NodeServer::actor(ActorContext context) {
  auto params = context.getParams();
  auto kind = params.getKind();
  KJ_IF_MAYBE(host, host_) {
    if (host->hosts(kind)) {
      actor::OutputGate::Independent scope(host->gate());
      context.getResults().setActor(host->reference({kind.cStr(), params.getName().cStr()}));
      return kj::READY_NOW;
    }
  }
  KJ_FAIL_REQUIRE("this node hosts no actors of this kind", kind);
}

kj::Promise<void> NodeServer::service(ServiceContext context) {
  auto name = context.getParams().getName();
  auto found = services_.find(name.cStr());
  KJ_REQUIRE(found != services_.end(), "this node offers no such service", name);
  context.getResults().setService(found->second);
  return kj::READY_NOW;
}

}  // namespace meridian::rpc
