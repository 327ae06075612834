#include "tests/life/life-world.h"

#include "actors/class/class-actor.h"
#include "actors/global/global-actor.h"
#include "actors/location/location-actor.h"
#include "actors/machine/machine-actor.h"
#include "actors/supervisor/supervisor-actor.h"
#include "runtime/actor/vocabulary.h"

namespace meridian::life {

namespace {

std::string nameOf(schema::InstanceKey::Reader key) { return toText(actor::read(key)); }

InstanceKey keyOf(const std::string& name) {
  auto hash = name.find('#');
  return {containerIdFromText(name.substr(0, hash)), Generation(std::stoull(name.substr(hash + 1)))};
}

std::vector<actor::ActorKind> serverKinds() {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([] { return kj::heap<supervisor::SupervisorActor>(); }));
  kinds.push_back(actor::actorKind([] { return kj::heap<container_class::ContainerClassActor>(container_class::Limits{}); }));
  kinds.push_back(actor::actorKind([] { return kj::heap<location::LocationSchedulerActor>(location::Limits{}); }));
  kinds.push_back(actor::actorKind([] { return kj::heap<global::GlobalSchedulerActor>(global::Limits{}); }));
  return kinds;
}

std::vector<actor::ActorKind> agentKinds() {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([] {
    machine::Limits limits;
    limits.capacity = {MicroCpu(1'000'000), MemoryMib(1024), DiskMb(10'000)};
    return kj::heap<machine::MachineActor>(limits);
  }));
  return kinds;
}

}  // namespace

// ---------------------------------------------------------------------------------------
// Driver

kj::Promise<void> FakeDriver::launch(LaunchContext context) {
  auto key = context.getParams().getSpec().getKey();
  if (!instances.emplace(nameOf(key), schema::StopReason::NONE).second) return kj::READY_NOW;
  ++launches;
  return tellStarted(key);
}

kj::Promise<void> FakeDriver::tellStarted(schema::InstanceKey::Reader key) {
  auto started = world_.machine().driverStartedRequest();
  started.setKey(key);
  started.setStartedAtNs(1);
  auto told = started.send().ignoreResult();
  if (!readies) return told;
  auto ready = world_.machine().driverReadyRequest();
  ready.setKey(key);
  ready.setHost("10.0.0.2");
  return told.then([ready = kj::mv(ready)]() mutable { return ready.send().ignoreResult(); });
}

kj::Promise<void> FakeDriver::signal(SignalContext context) {
  return exit(nameOf(context.getParams().getKey()), schema::StopReason::EXITED, 0, -1);
}

kj::Promise<void> FakeDriver::kill(KillContext context) {
  return exit(nameOf(context.getParams().getKey()), schema::StopReason::SIGNALLED, -1, 9);
}

kj::Promise<void> FakeDriver::exit(std::string name, schema::StopReason reason, int32_t code, int32_t signal) {
  auto found = instances.find(name);
  if (found == instances.end() || found->second != schema::StopReason::NONE) return kj::READY_NOW;
  found->second = reason;
  auto request = world_.machine().driverExitedRequest();
  actor::write(request.initKey(), keyOf(name));
  auto exit = request.initExit();
  exit.setReason(reason);
  exit.setCode(code);
  exit.setSignal(signal);
  return request.send().ignoreResult();
}

kj::Promise<void> FakeDriver::list(ListContext context) {
  auto reports = context.getResults().initInstances(instances.size());
  uint32_t i = 0;
  for (auto& [name, reason]: instances) {
    auto report = reports[i++];
    actor::write(report.initKey(), keyOf(name));
    report.setStartedAtNs(1);
    report.setReady(true);
    report.setHost("10.0.0.2");
    if (reason != schema::StopReason::NONE) report.initExit().setReason(reason);
  }
  return kj::READY_NOW;
}

kj::Promise<void> FakeDriver::acknowledge(AcknowledgeContext context) {
  instances.erase(nameOf(context.getParams().getKey()));
  return kj::READY_NOW;
}

kj::Promise<void> FakeDriver::removeLogs(RemoveLogsContext) {
  ++logRemovals;
  return kj::READY_NOW;
}

// ---------------------------------------------------------------------------------------
// Role

void Role::start() {
  store_ = kj::heap<sim::SimStore>(disk_);
  shard_ = kj::heap<actor::Shard>(world_.system_.caf(), nullptr);
  directory_ = kj::heap<rpc::RoleDirectory>();
  host_ = kj::heap<actor::Host>(*shard_, 0, *store_, world_.clock_, Random(1), *directory_, kinds_());
  vat_ = kj::heap<rpc::Vat>(*host_);
  fromEmbedder_ = kj::heap<rpc::Peer>(*world_.embedder_, world_.clock_, [this] { return world_.embedder_->dial(*vat_, rpc::Stores::APART); });
  peers_.push_back(kj::heap<rpc::Peer>(*vat_, world_.clock_, [this] { return vat_->dial(*world_.embedder_, rpc::Stores::APART); }));
  auto& services = *peers_.back();
  directory_->routeServices("", [&services](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return services; });
}

void Role::route(kj::StringPtr kind, Role& other) {
  peers_.push_back(kj::heap<rpc::Peer>(*vat_, world_.clock_, [this, &other] { return vat_->dial(other.vat(), rpc::Stores::APART); }));
  auto& peer = *peers_.back();
  directory_->route(kind, [&peer](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return peer; });
}

void Role::disconnect() {
  fromEmbedder_ = nullptr;
  peers_.clear();
}

void Role::stop() {
  vat_ = nullptr;
  host_ = nullptr;
  directory_ = nullptr;
  shard_ = nullptr;
  store_ = nullptr;
}

// ---------------------------------------------------------------------------------------
// World

LifeWorld::LifeWorld()
    : loop_(port_), waitScope_(loop_), clock_(time_), server(*this, serverKinds), agent(*this, agentKinds),
      driver(nullptr), gateway(nullptr),
      driverClient([this] { auto own = kj::heap<FakeDriver>(*this); driver = own.get(); return own; }()),
      gatewayClient([this] { auto own = kj::heap<FakeGateway>(); gateway = own.get(); return own; }()) {
  embedderShard_ = kj::heap<actor::Shard>(system_.caf(), nullptr);
  embedder_ = kj::heap<rpc::Vat>(*embedderShard_);
  embedder_->offer("driver", driverClient);
  embedder_->offer("gateway/g1", gatewayClient);
  start();
}

LifeWorld::~LifeWorld() noexcept(false) {
  stop();
  embedder_ = nullptr;
  embedderShard_ = nullptr;
}

void LifeWorld::start() {
  server.start();
  agent.start();
  server.route("Machine", agent);
  for (auto kind: {"Supervisor", "LocationScheduler"}) agent.route(kind, server);
}

// Links first, on both sides; then what they led to.
void LifeWorld::stop() {
  server.disconnect();
  agent.disconnect();
  settle();
  server.stop();
  agent.stop();
}

bool LifeWorld::commit() {
  settle();
  bool committed = server.store().commitPending();
  settle();
  committed |= agent.store().commitPending();
  settle();
  return committed;
}

void LifeWorld::commitAll() {
  while (commit()) {
  }
}

void LifeWorld::advance(Duration by) {
  auto end = time_.now() + by;
  commitAll();
  for (auto next = time_.next(); next && *next <= end; next = time_.next()) {
    time_.advanceTo(*next);
    commitAll();
  }
  time_.advanceTo(end);
  commitAll();
}

void LifeWorld::crash(Role& role) {
  role.store().crash();
  stop();
  start();
}

}  // namespace meridian::life
