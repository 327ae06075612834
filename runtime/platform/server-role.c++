#include "runtime/platform/server-role.h"

#include "actors/application/application-actor.h"
#include "actors/class/class-actor.h"
#include "actors/global/global-actor.h"
#include "actors/location/location-actor.h"
#include "actors/supervisor/supervisor-actor.h"

namespace meridian::platform {

namespace {

constexpr kj::StringPtr GATEWAY_PREFIX = "gateway/"_kj;

std::vector<actor::ActorKind> serverKinds() {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<supervisor::SupervisorActor>(supervisor::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<container_class::ContainerClassActor>(container_class::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<global::GlobalSchedulerActor>(global::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<location::LocationSchedulerActor>(location::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<application::ApplicationActor>(application::Limits{}); }));
  return kinds;
}

}  // namespace

ServerRole::ServerRole(actor::Shard& shard, env::Store& store, env::Clock& clock, Random random, ServerDials dials,
                       actor::HostLimits limits)
    : host_(shard, 0, store, clock, random, directory_, serverKinds(), limits), vat_(host_),
      agents_(vat_, clock, kj::mv(dials.agent)), gateways_(vat_, clock, kj::mv(dials.gateway)) {
  directory_.route("Machine", [this](kj::StringPtr name) -> kj::Maybe<rpc::Peer&> { return agents_.find(name); });
  directory_.routeServices(GATEWAY_PREFIX, [this](kj::StringPtr name) -> kj::Maybe<rpc::Peer&> {
    return gateways_.find(name.slice(GATEWAY_PREFIX.size()));
  });
}

void ServerRole::resolveImagesAt(MachineId machine) {
  directory_.routeServices("images", [this, machine = kj::mv(machine)](kj::StringPtr) -> kj::Maybe<rpc::Peer&> {
    return agents_.find(machine.value().c_str());
  });
}

}  // namespace meridian::platform
