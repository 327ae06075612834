// One container's life through the shipped actors on the shipped host: what the steps decide really happens, over RPC and commits.

#include <catch2/catch.hpp>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "schema/global.capnp.h"
#include "schema/fleet.capnp.h"
#include "tests/life/life-world.h"

namespace meridian::life {
namespace {

void deploy(LifeWorld& world, uint32_t version = 1) {
  auto cls = world.actor<schema::ContainerClass>(world.server, "Sandbox");
  auto claim = cls.claimRequest();
  claim.setApplication("demo");
  world.finish(claim.send().then([](auto&&) { return true; }));
  auto configure = cls.configureRequest();
  auto spec = configure.initSpec();
  spec.setClassName("Sandbox");
  spec.setApplication("demo");
  spec.setVersion(version);
  spec.setImage("rootfs:/img");
  spec.initResources().setMemoryMib(400);
  spec.setMaxInstances(10);
  spec.setDefaultPort(8080);
  spec.setSleepAfterMs(60'000);
  spec.setStopGraceMs(10'000);
  spec.setStartTimeoutMs(30'000);
  world.finish(configure.send().then([](auto&&) { return true; }));
}

void registerMachine(LifeWorld& world) {
  auto request = world.actor<schema::LocationScheduler>(world.server, "here").registerMachineRequest();
  request.setMachine("m1");
  actor::write(request.initCapacity(), {MicroCpu(1'000'000), MemoryMib(1024), DiskMb(10'000)});
  world.finish(request.send().then([](auto&&) { return true; }));
  world.advance(std::chrono::seconds(2));
}

struct Leased { uint64_t generation = 0; std::string host; uint16_t port = 0; std::string failure; };

kj::Promise<Leased> lease(LifeWorld& world, const std::string& name) {
  auto request = world.supervisor(name).leaseRequest();
  request.setGateway("g1");
  return request.send().then([](auto&& response) -> Leased {
    auto outcome = response.getOutcome();
    if (outcome.isFailed()) return {0, "", 0, outcome.getFailed().getCode().cStr()};
    auto endpoint = outcome.getEndpoint();
    return {endpoint.getGeneration(), endpoint.getHost().cStr(), endpoint.getPort(), ""};
  });
}

struct Seen { schema::ContainerState state; uint64_t generation; schema::StopReason reason; };

Seen look(LifeWorld& world, const std::string& name) {
  return world.finish(world.supervisor(name).stateRequest().send().then([](auto&& response) -> Seen {
    auto status = response.getStatus();
    return {status.getState(), status.getGeneration(), status.getLastExit().getReason()};
  }));
}

size_t rowsOf(LifeWorld& world) {
  return world.finish(world.machine().describeRequest().send().then([](auto&& response) -> size_t { return response.getInstances().size(); }));
}

size_t permits(LifeWorld& world) {
  return world.finish(world.actor<schema::ContainerClass>(world.server, "Sandbox").describeRequest().send().then(
      [](auto&& response) -> size_t { return response.getStatus().getPermits().size(); }));
}

// Calls that actors of an interface have got from anyone.
template <typename Interface>
uint64_t callsTo(actor::Host& host) {
  uint64_t sum = 0;
  for (auto& [method, count]: host.counters().calls) {
    if (method.first == capnp::typeId<Interface>()) sum += count;
  }
  return sum;
}

struct Ready: LifeWorld {
  Ready() {
    deploy(*this);
    registerMachine(*this);
  }
};

TEST_CASE("a request wakes its ID through five actors and three commits") {
  Ready world;
  rowsOf(world);                           // the machine is loaded, as the agent does at its start
  world.commitAll();
  auto before = world.batches();
  auto leased = world.finish(lease(world, "Sandbox/alice"));
  CHECK(leased.failure == "");
  CHECK(leased.generation == 1);
  CHECK(leased.host == "10.0.0.2");
  CHECK(leased.port == 8080);
  CHECK(world.batches() - before <= 3);
  CHECK(look(world, "Sandbox/alice").state == schema::ContainerState::RUNNING);
  CHECK(permits(world) == 1);
}

TEST_CASE("a start is one call to each deciding actor, and the machine's two facts back") {
  Ready world;
  rowsOf(world);
  world.commitAll();
  auto& server = world.server.host();
  auto& agent = world.agent.host();
  auto calls = [&]() {
    return std::vector<uint64_t>{callsTo<schema::Supervisor>(server), callsTo<schema::ContainerClass>(server),
                                 callsTo<schema::GlobalScheduler>(server), callsTo<schema::LocationScheduler>(server),
                                 callsTo<schema::Machine>(agent)};
  };
  auto before = calls();
  world.finish(lease(world, "Sandbox/alice"));
  auto after = calls();
  for (size_t i = 0; i < after.size(); i++) after[i] -= before[i];
  // Supervisor: lease, instanceStarted, instanceReady. GlobalScheduler: place, and the location's report that it has filled.
  // Machine: start, driverStarted, driverReady.
  CHECK(after == std::vector<uint64_t>{3, 1, 2, 1, 3});
}

TEST_CASE("concurrent requests share one start") {
  Ready world;
  auto all = kj::heapArrayBuilder<kj::Promise<Leased>>(50);
  for (int i = 0; i < 50; ++i) all.add(lease(world, "Sandbox/alice"));
  auto leased = world.finish(kj::joinPromises(all.finish()));
  for (auto& each: leased) CHECK(each.generation == 1);
  CHECK(world.driver->launches == 1);
}

TEST_CASE("it sleeps when it is idle, leaves nothing behind, and wakes at the next request") {
  Ready world;
  world.finish(lease(world, "Sandbox/alice"));
  world.advance(std::chrono::seconds(100));
  auto seen = look(world, "Sandbox/alice");
  CHECK(seen.state == schema::ContainerState::STOPPED);
  CHECK(seen.reason == schema::StopReason::IDLE);
  CHECK(world.gateway->recalls == 1);
  CHECK(world.driver->instances.empty());
  CHECK(rowsOf(world) == 0);
  CHECK(permits(world) == 0);
  CHECK(world.finish(lease(world, "Sandbox/alice")).generation == 2);
}

TEST_CASE("a machine that is full is a refusal that the caller understands") {
  Ready world;
  CHECK(world.finish(lease(world, "Sandbox/a")).failure == "");
  CHECK(world.finish(lease(world, "Sandbox/b")).failure == "");
  CHECK(world.finish(lease(world, "Sandbox/c")).failure == "no-capacity");
  CHECK(permits(world) == 2);
  auto decisions = world.finish(world.supervisor("Sandbox/c").whyRequest().send().then(
      [](auto&& response) -> size_t { return response.getDecisions().size(); }));
  CHECK(decisions >= 1);
}

TEST_CASE("an instance outlives the platform's processes, and its exit in between is known") {
  Ready world;
  world.finish(lease(world, "Sandbox/alice"));
  world.crash(world.server);
  CHECK(look(world, "Sandbox/alice").state == schema::ContainerState::RUNNING);
  world.crash(world.agent);
  rowsOf(world);
  world.advance(std::chrono::seconds(1));
  CHECK(world.finish(lease(world, "Sandbox/alice")).generation == 1);
  CHECK(world.driver->launches == 1);

  world.driver->instances["Sandbox/alice#1"] = schema::StopReason::OOM;
  world.crash(world.agent);
  rowsOf(world);
  world.advance(std::chrono::seconds(5));
  auto seen = look(world, "Sandbox/alice");
  CHECK(seen.state == schema::ContainerState::STOPPED);
  CHECK(seen.reason == schema::StopReason::OOM);
  CHECK(permits(world) == 0);
}

TEST_CASE("a crash in the middle of a start loses the caller, not the start") {
  Ready world;
  {
    auto request = lease(world, "Sandbox/alice").eagerlyEvaluate(nullptr);
    world.settle();
    world.server.store().commitPending();
    world.settle();
    world.crash(world.server);
  }
  CHECK(world.finish(lease(world, "Sandbox/alice")).failure == "");
  CHECK(look(world, "Sandbox/alice").generation == 1);
  CHECK(world.driver->launches == 1);
}

TEST_CASE("stop answers when the exit is proven, destroy removes the logs too") {
  Ready world;
  world.finish(lease(world, "Sandbox/alice"));
  auto reason = world.finish(world.supervisor("Sandbox/alice").stopRequest().send().then(
      [](auto&& response) -> schema::StopReason { return response.getStatus().getLastExit().getReason(); }));
  CHECK(reason == schema::StopReason::REQUESTED);
  world.finish(lease(world, "Sandbox/alice"));
  world.finish(world.supervisor("Sandbox/alice").destroyRequest().send().then([](auto&&) { return true; }));
  CHECK(world.driver->logRemovals == 1);
  CHECK(look(world, "Sandbox/alice").generation == 2);
}

TEST_CASE("a start that is never ready is killed and told as a time-out") {
  Ready world;
  world.driver->readies = false;
  CHECK(world.finish(lease(world, "Sandbox/alice")).failure == "start-timeout");
  world.advance(std::chrono::seconds(1));
  CHECK(look(world, "Sandbox/alice").reason == schema::StopReason::START_TIMEOUT);
  CHECK(world.driver->instances.empty());
}

TEST_CASE("a rollout replaces what runs") {
  Ready world;
  world.finish(lease(world, "Sandbox/alice"));
  deploy(world, 2);
  auto request = world.supervisor("Sandbox/alice").rolloutRequest();
  request.setVersion(2);
  world.finish(request.send().then([](auto&&) { return true; }));
  auto seen = look(world, "Sandbox/alice");
  CHECK(seen.state == schema::ContainerState::RUNNING);
  CHECK(seen.generation == 2);
  CHECK(seen.reason == schema::StopReason::ROLLOUT);
}

TEST_CASE("what is refused says why and names the container") {
  Ready world;
  auto request = world.supervisor("Sandbox/alice").execRequest();
  request.initRequest();
  auto error = world.finish(request.send().then([](auto&&) -> std::string { return ""; },
                                                [](kj::Exception&& e) -> std::string { return e.getDescription().cStr(); }));
  CHECK_THAT(error, Catch::Contains("Sandbox/alice: it does not run: it is stopped"));
}

TEST_CASE("each state that is entered is in the journal") {
  Ready world;
  world.finish(lease(world, "Sandbox/alice"));
  std::string kinds;
  for (auto& entry: world.server.host().journal(0, 100)) {
    auto event = actor::open(entry.bytes);
    kinds += std::string(event->get<schema::Event>().getKind().cStr()) + " ";
  }
  CHECK(kinds == "placing starting running ");
}

}  // namespace
}  // namespace meridian::life
