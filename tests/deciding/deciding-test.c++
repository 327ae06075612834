// The deciding actors as a server runs them: through their interfaces, on the host, over a store that forgets what was not synced.
#include <catch2/catch.hpp>

#include "schema/class.capnp.h"
#include "schema/global.capnp.h"
#include "schema/location.capnp.h"
#include "tests/deciding/deciding-world.h"

namespace meridian::deciding {
namespace {

using std::chrono::seconds;

void write(schema::Resources::Builder to, uint64_t units) {
  to.setCpuMicro(units);
  to.setMemoryMib(units);
  to.setDiskMb(units);
}

void write(schema::InstanceKey::Builder to, const std::string& id, uint64_t generation) {
  to.initContainer().setClassName("Box");
  to.getContainer().setId(id);
  to.setGeneration(generation);
}

bool done(DecidingWorld& world, kj::Promise<void>&& promise) {
  return world.finish(promise.then([]() { return true; }));
}

// The version, or what refused it.
kj::Promise<std::string> deploy(DecidingWorld& world, uint32_t maxInstances, const std::string& application = "shop") {
  auto request = world.actor<schema::Application>(application).deployRequest();
  auto config = request.initConfig();
  config.setName(application);
  auto spec = config.initClasses(1)[0];
  spec.setClassName("Box");
  spec.setImage("rootfs:/srv/box");
  write(spec.initResources(), 10);
  spec.setMaxInstances(maxInstances);
  spec.setDefaultPort(8080);
  auto route = config.initRoutes(1)[0];
  route.setPath("/box/:id/*");
  route.setClassName("Box");
  return request.send().then([](auto&& answer) {
    auto outcome = answer.getOutcome();
    return outcome.isRefused() ? std::string(outcome.getRefused().cStr()) : std::to_string(outcome.getVersion());
  });
}

std::string acquire(DecidingWorld& world, const std::string& id, uint64_t generation) {
  auto request = world.actor<schema::ContainerClass>("Box").acquireRequest();
  request.setId(id);
  request.setGeneration(generation);
  return world.finish(request.send().then([](auto&& answer) -> std::string {
    switch (answer.getOutcome().which()) {
      case schema::PermitOutcome::GRANTED:
        return "version " + std::to_string(answer.getOutcome().getGranted().getVersion()) + " of " +
               answer.getOutcome().getGranted().getApplication().cStr();
      case schema::PermitOutcome::FULL: return "full";
      case schema::PermitOutcome::UNKNOWN: return "unknown";
    }
    return "?";
  }));
}

std::string place(DecidingWorld& world, uint64_t need) {
  auto request = world.actor<schema::GlobalScheduler>("global").placeRequest();
  write(request.initInstance(), "a", 1);
  write(request.initNeed(), need);
  return world.finish(request.send().then([](auto&& answer) {
    return std::string(answer.getOutcome().getDecision().getChosen().cStr());
  }));
}

std::string reserve(DecidingWorld& world, const std::string& id, uint64_t generation, uint64_t need) {
  auto request = world.actor<schema::LocationScheduler>("here").reserveRequest();
  write(request.initInstance(), id, generation);
  write(request.initNeed(), need);
  return world.finish(request.send().then([](auto&& answer) {
    auto decision = answer.getOutcome().getDecision();
    CHECK(decision.getTier() == "here");
    return std::string(decision.getChosen().cStr());
  }));
}

void registerMachine(DecidingWorld& world, uint64_t capacity) {
  auto request = world.actor<schema::LocationScheduler>("here").registerMachineRequest();
  request.setMachine("m1");
  write(request.initCapacity(), capacity);
  done(world, request.send().ignoreResult());
}

void addGateway(DecidingWorld& world) {
  auto request = world.actor<schema::GlobalScheduler>("global").addGatewayRequest();
  request.setGateway("g1");
  done(world, request.send().ignoreResult());
}

size_t permits(DecidingWorld& world) {
  return world.finish(world.actor<schema::ContainerClass>("Box").describeRequest().send().then(
      [](auto&& answer) -> size_t { return answer.getStatus().getPermits().size(); }));
}

size_t reservations(DecidingWorld& world) {
  return world.finish(world.actor<schema::LocationScheduler>("here").describeRequest().send().then(
      [](auto&& answer) -> size_t { return answer.getReservations().size(); }));
}

TEST_CASE("a deploy reaches class, global scheduler and gateway, and is there after a crash") {
  DecidingWorld world;
  addGateway(world);
  CHECK(acquire(world, "a", 1) == "unknown");
  CHECK(world.finish(deploy(world, 1)) == "1");
  CHECK(world.routeVersions["shop"] == 1);
  CHECK(acquire(world, "a", 1) == "version 1 of shop");
  CHECK(acquire(world, "b", 1) == "full");
  world.crash();
  CHECK(acquire(world, "a", 1) == "version 1 of shop");
  CHECK(world.finish(deploy(world, 2)) == "2");
  CHECK(world.routeVersions["shop"] == 2);
  CHECK(acquire(world, "b", 1) == "version 2 of shop");
}

TEST_CASE("a class of another application refuses a deploy by name") {
  DecidingWorld world;
  CHECK(world.finish(deploy(world, 1)) == "1");
  CHECK(world.finish(deploy(world, 1, "game")) == "class Box belongs to application shop");
}

TEST_CASE("a crash in the middle of a deploy does not stop it") {
  DecidingWorld world;
  addGateway(world);
  world.gatewayIsAway = true;
  auto lost = deploy(world, 1).then([](std::string&&) { return false; }, [](kj::Exception&&) { return true; })
                  .eagerlyEvaluate(nullptr);
  world.run(seconds(1));
  CHECK(world.routeVersions.empty());
  world.crash();
  world.gatewayIsAway = false;
  world.run(seconds(10));
  CHECK(world.routeVersions["shop"] == 1);
  CHECK(world.finish(kj::mv(lost)));
}

TEST_CASE("a gateway that stays away holds a deploy up for a few seconds only") {
  DecidingWorld world;
  addGateway(world);
  world.gatewayIsAway = true;
  CHECK(world.finish(deploy(world, 1)) == "1");
}

TEST_CASE("a removed application has no routes and its class is unknown") {
  DecidingWorld world;
  addGateway(world);
  CHECK(world.finish(deploy(world, 1)) == "1");
  done(world, world.actor<schema::Application>("shop").removeRequest().send().ignoreResult());
  CHECK(world.routeVersions["shop"] == 2);
  CHECK(acquire(world, "a", 1) == "unknown");
  auto names = world.finish(world.actor<schema::GlobalScheduler>("global").applicationsRequest().send().then(
      [](auto&& answer) -> size_t { return answer.getNames().size(); }));
  CHECK(names == 0);
}

TEST_CASE("a machine makes its location known to the global scheduler, and a full one too") {
  DecidingWorld world;
  CHECK(place(world, 10) == "");
  registerMachine(world, 100);
  world.run(seconds(1));
  CHECK(place(world, 10) == "here");
  CHECK(reserve(world, "a", 1, 95) == "m1");
  CHECK(reserve(world, "b", 1, 10) == "");
  world.run(seconds(2));
  CHECK(place(world, 10) == "");
}

TEST_CASE("a placement writes nothing") {
  DecidingWorld world;
  registerMachine(world, 100);
  world.run(seconds(1));
  auto before = world.store().submitted();
  CHECK(place(world, 10) == "here");
  CHECK(world.store().submitted() == before);
}

TEST_CASE("a permit, a placement and a reservation, with the report that follows, are one batch") {
  DecidingWorld world;
  CHECK(world.finish(deploy(world, 5)) == "1");
  registerMachine(world, 100);
  world.run(seconds(2));
  auto before = world.store().counters().batches;
  auto acquiring = world.actor<schema::ContainerClass>("Box").acquireRequest();
  acquiring.setId("a");
  acquiring.setGeneration(1);
  auto placing = world.actor<schema::GlobalScheduler>("global").placeRequest();
  write(placing.initInstance(), "a", 1);
  write(placing.initNeed(), 10);
  auto reserving = world.actor<schema::LocationScheduler>("here").reserveRequest();
  write(reserving.initInstance(), "a", 1);
  write(reserving.initNeed(), 10);
  auto all = kj::heapArrayBuilder<kj::Promise<void>>(3);
  all.add(acquiring.send().ignoreResult());
  all.add(placing.send().ignoreResult());
  all.add(reserving.send().ignoreResult());
  done(world, kj::joinPromises(all.finish()));
  CHECK(world.store().counters().batches == before + 1);
  CHECK(permits(world) == 1);
  CHECK(reservations(world) == 1);
}

TEST_CASE("permits and reservations whose holder does not have them any more come back, over a crash too") {
  DecidingWorld world;
  CHECK(world.finish(deploy(world, 5)) == "1");
  registerMachine(world, 100);
  for (auto* id: {"a", "b"}) {
    acquire(world, id, 1);
    reserve(world, id, 1, 10);
  }
  world.holders = {"Box/a"};
  world.run(seconds(30));
  CHECK(permits(world) == 2);
  world.crash();
  world.run(seconds(200));
  CHECK(permits(world) == 1);
  CHECK(reservations(world) == 1);
}

TEST_CASE("what is out of date or no name is an error that says so, and the actor goes on") {
  DecidingWorld world;
  CHECK(world.finish(deploy(world, 5)) == "1");
  acquire(world, "a", 5);
  auto failure = [&](const std::string& id, uint64_t generation) {
    KJ_IF_MAYBE (error, kj::runCatchingExceptions([&] { acquire(world, id, generation); })) return std::string(error->getDescription().cStr());
    return std::string();
  };
  CHECK(failure("a", 4).find("generation 4 of a is out of date") != std::string::npos);
  CHECK(failure("../x", 1).find("not a name") != std::string::npos);
  CHECK(acquire(world, "b", 1) == "version 1 of shop");
}

}  // namespace
}  // namespace meridian::deciding
