#include "runtime/platform/agent-role.h"

#include <kj/debug.h>

#include "actors/machine/machine-actor.h"
#include "runtime/actor/vocabulary.h"
#include "schema/location.capnp.h"

namespace meridian::platform {

namespace {

constexpr Duration RETRY_PAUSE = std::chrono::milliseconds(200);
constexpr Duration WAKE_EVERY = std::chrono::seconds(5);

std::vector<actor::ActorKind> agentKinds(const AgentIdentity& identity) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([identity]() {
    machine::Limits limits;
    limits.capacity = identity.capacity;
    return kj::heap<machine::MachineActor>(limits);
  }));
  return kinds;
}

}  // namespace

AgentRole::AgentRole(actor::Shard& shard, env::Store& store, env::Clock& clock, Random random, AgentIdentity identity,
                     AgentDials dials, actor::HostLimits limits)
    : identity_(kj::mv(identity)), clock_(clock),
      host_(shard, 0, store, clock, random, directory_, agentKinds(identity_), limits), vat_(host_),
      server_(vat_, clock, kj::mv(dials.server)), driver_(vat_, clock, kj::mv(dials.driver)), keepingAwake_(nullptr) {
  for (auto kind : {"Supervisor", "LocationScheduler", "GlobalScheduler"}) {
    directory_.route(kind, [this](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return server_; });
  }
  directory_.routeServices("driver", [this](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return driver_; });
}

kj::Promise<void> AgentRole::join() {
  keepingAwake_ = keepAwake().eagerlyEvaluate([](kj::Exception&& error) { KJ_LOG(ERROR, error); });
  return wake().then([this]() { return registerMachine(); });
}

// What it is about to tell and to do is only in its memory, which it loses when the store loses a batch, and then perhaps nobody has
// a reason to call it.
kj::Promise<void> AgentRole::keepAwake() {
  return clock_.after(WAKE_EVERY).then([this]() { return wake(); }).then([this]() { return keepAwake(); });
}

kj::Promise<void> AgentRole::wake() {
  auto machine = host_.reference({actor::kindOf<schema::Machine>(), identity_.machine.value()}).castAs<schema::Machine>();
  return machine.describeRequest().send().ignoreResult().catch_([this](kj::Exception&&) {
    return clock_.after(RETRY_PAUSE).then([this]() { return wake(); });
  });
}

kj::Promise<void> AgentRole::registerMachine() {
  auto request = server_.actor("LocationScheduler", identity_.location.value().c_str())
                     .castAs<schema::LocationScheduler>()
                     .registerMachineRequest();
  request.setMachine(identity_.machine.value());
  actor::write(request.initCapacity(), identity_.capacity);
  return request.send().ignoreResult().catch_([this](kj::Exception&&) {
    return clock_.after(RETRY_PAUSE).then([this]() { return registerMachine(); });
  });
}

}  // namespace meridian::platform
