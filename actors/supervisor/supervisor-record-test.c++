#include "actors/supervisor/supervisor-record.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <catch2/catch.hpp>

#include <map>

#include "actors/supervisor/turn.h"
#include "runtime/actor/envelope.h"
#include "tests/golden/golden-record.h"

namespace meridian::supervisor {
namespace {

Spec wholeSpec() {
  capnp::MallocMessageBuilder message;
  auto spec = message.initRoot<schema::ClassSpec>();
  spec.setClassName("Sandbox");
  spec.setApplication("demo");
  spec.setVersion(3);
  spec.setImage("rootfs:/img");
  spec.setImageId("sha256-1");
  spec.initResources().setMemoryMib(256);
  spec.setDefaultPort(8080);
  spec.setSleepAfterMs(600'000);
  spec.setStopGraceMs(10'000);
  spec.setStartTimeoutMs(30'000);
  spec.setRestart(schema::RestartPolicy::ON_FAILURE);
  spec.initEntrypoint(1).set(0, "/server");
  return readSpec(spec);
}

State stateIn(Life life) {
  State state;
  state.generation = Generation(7);
  state.lastExit = Exit{StopReason::EXITED, 3, {}, "it said so", instantFromNs(11)};
  state.restarts = 2;
  state.shortRuns = 1;
  state.spec = wholeSpec();
  state.readyAfter = Duration(7'500'000);
  state.decisions = {{"global", instantFromNs(12), "here", {{"here", true, 0.75, "fits"}, {"there", false, 0, "full"}}, "nearest"}};
  state.extraEnv = {{"MODE", "debug"}};
  state.logMachines = {MachineId("m1"), MachineId("m2")};
  state.life = std::move(life);
  return state;
}

// One of each state, by the name of its golden file; the record's layout over releases hangs on these.
std::map<std::string, State> examples() {
  MachineId machine("m1");
  LocationId location("here");
  std::vector<GatewayId> gateways{GatewayId("g1"), GatewayId("g2")};
  return {
    {"fresh", State{}},
    {"stopped", stateIn(Stopped{instantFromNs(20)})},
    {"placing", stateIn(Placing{instantFromNs(20), instantFromNs(30), {MachineId("m3")}, location})},
    {"starting", stateIn(Starting{instantFromNs(20), machine, location, instantFromNs(30)})},
    {"running", stateIn(Running{machine, location, "10.0.0.2", instantFromNs(20), Health::HEALTHY, gateways, instantFromNs(30)})},
    {"unhealthy", stateIn(Running{machine, location, "10.0.0.2", instantFromNs(20), Health::UNHEALTHY, {}, instantFromNs(30)})},
    {"draining", stateIn(Draining{machine, location, "10.0.0.2", instantFromNs(20), gateways, StopReason::IDLE, 15, instantFromNs(30)})},
    {"stopping", stateIn(Stopping{machine, location, StopReason::REQUESTED, 9, instantFromNs(30), Logs::REMOVE})},
  };
}

TEST_CASE("a record in each state decodes to what was encoded") {
  auto all = examples();
  CHECK(all.size() > std::variant_size_v<Life>);
  for (auto& [name, state]: all) {
    INFO(name);
    CHECK(decode(encode(state)) == state);
  }
}

TEST_CASE("records that an earlier build stored still load") {
  tests::Entries today;
  for (auto& [name, state]: examples()) today[name] = encode(state);
  auto stored = tests::goldenEntries("supervisor-record-v1.txt", today);
  for (auto& [name, state]: examples()) {
    INFO(name);
    REQUIRE(stored.contains(name));
    CHECK(decode(stored[name]) == state);
  }
}

TEST_CASE("a spec keeps what a supervisor does not decide on") {
  auto state = decode(encode(stateIn(Stopped{})));
  CHECK(state.spec->words == wholeSpec().words);
  CHECK(state.spec->port == 8080);
  CHECK(state.spec->restart == RestartPolicy::ON_FAILURE);
  CHECK(state.spec->sleepAfter == 600s);
}

TEST_CASE("a record that lacks what its state needs is neither written nor read") {
  auto state = stateIn(Starting{{}, MachineId("m1"), LocationId("here"), {}});
  state.spec.reset();
  CHECK_THROWS_AS(encode(state), kj::Exception);
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::SupervisorRecord>().getState().initPlacing();
  CHECK_THROWS_AS(decode(actor::seal(message)), kj::Exception);
}

TEST_CASE("what is answered over RPC says what is meant") {
  capnp::MallocMessageBuilder message;
  ContainerId container{ClassName("Sandbox"), "alice"};

  auto status = message.initRoot<schema::ContainerStatus>();
  write(status, container, statusOf(examples().at("unhealthy")));
  CHECK(status.getState() == schema::ContainerState::UNHEALTHY);
  CHECK(status.getContainer().getId() == "alice");
  CHECK(status.getStartedAtNs() == 20);
  CHECK(status.getReadyMs() == 7.5);
  CHECK(status.getLastExit().getCode() == 3);
  CHECK(status.getLastExit().getSignal() == -1);

  auto failure = message.initRoot<schema::StartFailure>();
  write(failure, StartFailure{FailureCode::MAX_INSTANCES, "full", 1s, {}});
  CHECK(failure.getCode() == "max-instances");
  CHECK(failure.getRetryAfterMs() == 1000);
  CHECK_FALSE(failure.hasExit());

  auto event = actor::open(encodeEvent(container, Journal{Generation(4), StateName::STOPPED, "reason=idle"}, instantFromNs(9)));
  CHECK(event->get<schema::Event>().getKind() == "stopped");
  CHECK(event->get<schema::Event>().getDetail() == "reason=idle");
  CHECK(event->get<schema::Event>().getGeneration() == 4);
}

}  // namespace
}  // namespace meridian::supervisor
