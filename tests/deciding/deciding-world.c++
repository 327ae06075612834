#include "tests/deciding/deciding-world.h"

#include "actors/application/application-actor.h"
#include "actors/class/class-actor.h"
#include "actors/global/global-actor.h"
#include "actors/location/location-actor.h"
#include "schema/supervisor.capnp.h"

namespace meridian::deciding {

namespace {

class ToySupervisor final: public actor::DurableActor<schema::Supervisor> {
 public:
  explicit ToySupervisor(const std::set<std::string>& holders): holders_(holders) {}

  kj::Promise<void> holds(HoldsContext context) override {
    context.getResults().setHolds(holders_.count(env().self().name) != 0);
    return kj::READY_NOW;
  }

 private:
  const std::set<std::string>& holders_;
};

class ToyGateway final: public schema::Gateway::Server {
 public:
  explicit ToyGateway(DecidingWorld& world): world_(world) {}

  kj::Promise<void> routes(RoutesContext context) override {
    if (world_.gatewayIsAway) return KJ_EXCEPTION(DISCONNECTED, "the gateway is away");
    auto table = context.getParams().getTable();
    world_.routeVersions[table.getApplication().cStr()] = table.getVersion();
    return kj::READY_NOW;
  }

 private:
  DecidingWorld& world_;
};

}  // namespace

DecidingWorld::DecidingWorld(): loop_(port_), waitScope_(loop_), clock_(time_) {
  embedderShard_ = kj::heap<actor::Shard>(system_.caf(), nullptr);
  embedder_ = kj::heap<rpc::Vat>(*embedderShard_);
  embedder_->offer("gateway/g1", kj::heap<ToyGateway>(*this));
  start();
}

DecidingWorld::~DecidingWorld() noexcept(false) {
  stop();
  embedder_ = nullptr;
  embedderShard_ = nullptr;
}

void DecidingWorld::start() {
  store_ = kj::heap<sim::SimStore>(disk_);
  shard_ = kj::heap<actor::Shard>(system_.caf(), nullptr);
  directory_ = kj::heap<rpc::RoleDirectory>();
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<container_class::ContainerClassActor>(container_class::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<location::LocationSchedulerActor>(location::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<global::GlobalSchedulerActor>(global::Limits{}); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<application::ApplicationActor>(application::Limits{}); }));
  kinds.push_back(actor::actorKind([this]() { return kj::heap<ToySupervisor>(holders); }));
  host_ = kj::heap<actor::Host>(*shard_, 0, *store_, clock_, Random(1), *directory_, kj::mv(kinds));
  vat_ = kj::heap<rpc::Vat>(*host_);
  services_ = kj::heap<rpc::Peer>(*vat_, clock_, [this]() { return vat_->dial(*embedder_, rpc::Stores::APART); });
  directory_->routeServices("", [this](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return *services_; });
  fromEmbedder_ = kj::heap<rpc::Peer>(*embedder_, clock_, [this]() { return embedder_->dial(*vat_, rpc::Stores::APART); });
}

void DecidingWorld::stop() {
  fromEmbedder_ = nullptr;
  services_ = nullptr;
  waitScope_.poll();
  vat_ = nullptr;
  host_ = nullptr;
  directory_ = nullptr;
  shard_ = nullptr;
  store_ = nullptr;
}

void DecidingWorld::crash() {
  store_->crash();
  stop();
  start();
}

bool DecidingWorld::commit() {
  waitScope_.poll();
  bool committed = store_->commitPending();
  waitScope_.poll();
  return committed;
}

void DecidingWorld::advance(Duration by) {
  auto end = time_.now() + by;
  for (auto next = time_.next(); next && *next <= end; next = time_.next()) {
    time_.advanceTo(*next);
    waitScope_.poll();
  }
  time_.advanceTo(end);
  waitScope_.poll();
}

void DecidingWorld::run(Duration simulated) {
  auto end = time_.now() + simulated;
  while (time_.now() < end) {
    if (!commit()) advance(std::chrono::milliseconds(100));
  }
}

}  // namespace meridian::deciding
