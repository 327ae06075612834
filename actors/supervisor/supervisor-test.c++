#include "actors/supervisor/supervisor.h"

#include <catch2/catch.hpp>

#include "actors/supervisor/subject.h"

namespace meridian::supervisor {
namespace {

// ---------------------------------------------------------------------------------------
// Waking

TEST_CASE("a hundred concurrent requests wake it once") {
  Subject subject;
  std::vector<CallToken> callers;
  for (int i = 0; i < 100; ++i) callers.push_back(subject.lease(i % 2 ? G1 : G2));
  CHECK(subject.takeCalls<Acquire>().size() == 1);
  subject.startOn();
  CHECK(subject.takeCalls<StartInstance>().size() == 1);
  subject.ready();
  for (auto caller: callers) {
    auto endpoint = subject.answer<Endpoint>(caller);
    REQUIRE(endpoint);
    CHECK(endpoint->generation == Generation(1));
    CHECK(endpoint->host == "10.0.0.2");
    CHECK(endpoint->port == 8080);
    CHECK(endpoint->lease == 30s);
  }
  CHECK(subject.life<Running>().gateways == std::vector{G2, G1});
}

TEST_CASE("a cold start writes three times: placing, starting, running") {
  Subject subject;
  subject.lease();
  CHECK(subject.writes == 1);
  subject.startOn();
  subject.send(InstanceStarted{subject.token(), Generation(1), M1, subject.now});
  CHECK(subject.writes == 2);
  subject.ready();
  CHECK(subject.writes == 3);
  CHECK(subject.journal() == "placing, starting, running");
}

TEST_CASE("the phases of a start are timed and shown") {
  Subject subject;
  auto caller = subject.start();
  subject.pass(1ms);
  subject.grant();
  subject.place();
  subject.reserve();
  subject.pass(1ms);
  subject.send(Accepted{Generation(1), M1});
  subject.pass(2ms);
  subject.send(InstanceStarted{subject.token(), Generation(1), M1, subject.now});
  subject.pass(3500us);
  subject.ready();
  auto status = subject.answer<Status>(caller);
  REQUIRE(status);
  CHECK(status->readyAfter == Duration(7500us));
  CHECK(status->startedAt == subject.now - 3500us);
  CHECK(subject.all<Journal>().back().detail == "machine=m1 placed_ms=1.000 accepted_ms=2.000 started_ms=4.000 ready_ms=7.500");
}

TEST_CASE("an explicit start answers with the status and adds its environment") {
  Subject subject;
  auto caller = subject.start({{"MODE", "debug"}});
  subject.startOn();
  CHECK(subject.takeCalls<StartInstance>().at(0).extraEnv == std::vector<EnvVar>{{"MODE", "debug"}});
  subject.ready();
  REQUIRE(subject.answer<Status>(caller));
  CHECK(subject.answer<Status>(caller)->state == StateName::RUNNING);
  CHECK(subject.answer<Status>(caller)->machine == M1);
}

TEST_CASE("a start with env of an ID that runs is refused, one without is answered") {
  Subject subject;
  subject.run();
  auto refused = subject.start({{"A", "1"}});
  REQUIRE(subject.refusal(refused));
  CHECK(subject.refusal(refused)->message == "it runs already, so env cannot be added; stop it first");
  CHECK(subject.answer<Status>(subject.start()));
}

TEST_CASE("while it starts, only a start with the same env joins") {
  Subject subject;
  subject.start({{"A", "1"}});
  CHECK(subject.waits(subject.start({{"A", "1"}})));
  CHECK(subject.waits(subject.start()));
  CHECK(subject.refusal(subject.start({{"A", "2"}})));
}

TEST_CASE("an environment that breaks a rule is refused with the rule, and nothing wakes") {
  Subject subject;
  auto why = [&](std::vector<EnvVar> env) { return subject.refusal(subject.start(std::move(env)))->message; };
  CHECK_THAT(why({{"", "1"}}), Catch::Contains("must not be empty"));
  CHECK_THAT(why({{"A=B", "1"}}), Catch::Contains("A=B"));
  CHECK_THAT(why({{"A", std::string("\0", 1)}}), Catch::Contains("NUL"));
  CHECK_THAT(why({{"A", std::string(70'000, 'x')}}), Catch::Contains("at most 65536"));
  CHECK_THAT(why(std::vector<EnvVar>(300, {"A", "1"})), Catch::Contains("at most 256"));
  CHECK(subject.writes == 0);
}

TEST_CASE("over the limit of waiting callers the next is refused as overload") {
  Subject subject;
  subject.limits.waitersMax = 2;
  subject.lease();
  subject.lease();
  auto third = subject.lease();
  REQUIRE(subject.refusal(third));
  CHECK(subject.refusal(third)->fault == Fault::OVERLOADED);
}

TEST_CASE("a request to a class without a port is told so, and an explicit start of it works") {
  auto spec = webSpec();
  spec.port.reset();
  Subject subject(spec);
  auto request = subject.lease();
  auto start = subject.start();
  subject.startOn();
  subject.ready();
  REQUIRE(subject.answer<StartFailure>(request));
  CHECK_THAT(subject.answer<StartFailure>(request)->message, Catch::Contains("no default_port"));
  CHECK(subject.answer<Status>(start));
}

// ---------------------------------------------------------------------------------------
// Starts that do not succeed

TEST_CASE("a full class answers max-instances, and nothing stays reserved") {
  Subject subject;
  auto caller = subject.lease();
  subject.send(ClassFull{Generation(1), 3});
  auto failure = subject.answer<StartFailure>(caller);
  REQUIRE(failure);
  CHECK(failure->code == FailureCode::MAX_INSTANCES);
  CHECK(failure->retryAfter.has_value());
  CHECK_THAT(failure->message, Catch::Contains("all 3"));
  CHECK(subject.is<Stopped>());
  CHECK(subject.takeCalls<ReleasePermit>().size() == 1);
}

TEST_CASE("an unknown class answers unknown-class, which retrying does not help") {
  Subject subject;
  auto caller = subject.lease();
  subject.send(ClassUnknown{Generation(1)});
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->code == FailureCode::UNKNOWN_CLASS);
  CHECK_FALSE(subject.answer<StartFailure>(caller)->retryAfter.has_value());
}

TEST_CASE("no location with room answers no-capacity with the scheduler's reason, and why shows the decision") {
  Subject subject;
  auto caller = subject.lease();
  subject.grant();
  subject.send(Placed{Generation(1), chose("global", "")});
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->code == FailureCode::NO_CAPACITY);
  CHECK(subject.answer<StartFailure>(caller)->message == "all full");
  auto asker = subject.token();
  subject.send(AskWhy{asker});
  CHECK(subject.answer<Reasons>(asker)->decisions.size() == 1);
}

TEST_CASE("a location that refuses is avoided in the next question") {
  Subject subject;
  subject.lease();
  subject.grant();
  subject.place();
  subject.send(Reserved{Generation(1), HERE, chose("here", "")});
  auto questions = subject.takeCalls<Place>();
  REQUIRE(questions.size() == 2);
  CHECK(questions[1].avoid == std::vector{HERE});
}

TEST_CASE("a machine that refuses is avoided, and the same generation is placed again") {
  Subject subject;
  auto caller = subject.lease();
  subject.grant();
  subject.place();
  subject.reserve(M1);
  subject.send(Refused{Generation(1), M1, "full"});
  CHECK(subject.is<Placing>());
  CHECK(subject.life<Placing>().reservedAt == HERE);
  subject.place();
  CHECK(subject.takeCalls<Reserve>().back().avoid == std::vector{M1});
  subject.reserve(M2);
  subject.ready(M2);
  CHECK(subject.answer<Endpoint>(caller)->generation == Generation(1));
  // The reservation moved within the location, so nothing was released.
  CHECK(subject.takeCalls<ReleaseReservation>().empty());
}

TEST_CASE("a reservation left at a location that was given up is released when another one takes over") {
  Subject subject;
  subject.lease();
  subject.grant();
  subject.place();
  subject.reserve(M1);
  subject.send(Refused{Generation(1), M1, "full"});
  subject.send(Placed{Generation(1), chose("global", "there")});
  subject.send(Reserved{Generation(1), LocationId("there"), chose("there", "m9")});
  auto released = subject.takeCalls<ReleaseReservation>();
  REQUIRE(released.size() == 1);
  CHECK(released[0].location == HERE);
}

TEST_CASE("only so many machines may refuse one generation") {
  Subject subject;
  subject.limits.refusalsMax = 2;
  auto caller = subject.lease();
  subject.grant();
  for (auto& machine: {M1, M2}) {
    subject.place();
    subject.reserve(machine);
    subject.send(Refused{Generation(1), machine, "full"});
  }
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->code == FailureCode::NO_CAPACITY);
  CHECK(subject.takeCalls<ReleaseReservation>().size() == 1);
}

TEST_CASE("a call that fails is repeated with a growing delay until the deadline of placing") {
  Subject subject;
  auto caller = subject.lease();
  Duration last{};
  for (uint32_t attempt = 0; attempt < 4; ++attempt) {
    subject.effects.clear();
    subject.send(CallFailed{{Acquire{Generation(1)}, attempt}, "the class is away"});
    auto retries = subject.all<RetryAfter>();
    REQUIRE(retries.size() == 1);
    CHECK(retries[0].delay > last / 2);
    CHECK(retries[0].attempt.attempt == attempt + 1);
    last = retries[0].delay;
    subject.send(RetryDue{retries[0].attempt});
    CHECK(subject.takeCalls<Acquire>().size() == 1);
  }
  CHECK(subject.waits(caller));
  subject.alarm();
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->code == FailureCode::RETRY);
  CHECK_THAT(subject.answer<StartFailure>(caller)->message, Catch::Contains("the class is away"));
}

TEST_CASE("a start that times out is killed before it counts as ended, and its callers learn at once") {
  Subject subject;
  auto caller = subject.lease();
  subject.startOn();
  subject.alarm();
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->code == FailureCode::START_TIMEOUT);
  CHECK(subject.answer<StartFailure>(caller)->exit->reason == StopReason::START_TIMEOUT);
  CHECK(subject.is<Stopping>());
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  CHECK(subject.takeCalls<ReleasePermit>().empty());
  subject.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  CHECK(subject.is<Stopped>());
  CHECK(subject.state.lastExit->reason == StopReason::START_TIMEOUT);
  CHECK(subject.state.lastExit->signal == 9);
  CHECK(subject.takeCalls<ReleasePermit>().size() == 1);
  CHECK(subject.takeCalls<ReleaseReservation>().size() == 1);
}

TEST_CASE("an accept whose answer was lost is killed too: known=no proves that nothing runs, known=yes does not") {
  Subject subject;
  subject.lease();
  subject.grant();
  subject.place();
  subject.reserve();
  subject.send(CallFailed{{StartInstance{Generation(1), M1, HERE, "spec", {}}, 0}, "cut"});
  subject.alarm();
  subject.send(KillAnswered{Generation(1), M1, Known::YES});
  CHECK(subject.is<Stopping>());
  subject.send(KillAnswered{Generation(1), M1, Known::NO});
  CHECK(subject.is<Stopped>());
}

TEST_CASE("an exit while starting fails the start with its code") {
  Subject subject;
  auto caller = subject.lease();
  subject.startOn();
  subject.exit(exitedWith(3));
  auto failure = subject.answer<StartFailure>(caller);
  REQUIRE(failure);
  CHECK(failure->code == FailureCode::START_FAILED);
  CHECK(failure->exit->code == 3);
  CHECK(subject.is<Stopped>());
}

TEST_CASE("a permit or reservation granted after the start was given up is given back") {
  Subject subject;
  subject.lease();
  subject.stop();
  subject.takeCalls<ReleasePermit>();
  subject.send(Granted{Generation(1), webSpec()});
  CHECK(subject.takeCalls<ReleasePermit>().size() == 1);
  subject.send(Reserved{Generation(1), HERE, chose("here", "m1")});
  CHECK(subject.takeCalls<ReleaseReservation>().size() == 1);
}

// ---------------------------------------------------------------------------------------
// Leases and sleep

TEST_CASE("a lease in running costs a write only for a new gateway") {
  Subject subject;
  subject.run();
  auto before = subject.writes;
  CHECK(subject.answer<Endpoint>(subject.lease(G1)));
  CHECK(subject.writes == before);
  CHECK(subject.answer<Endpoint>(subject.lease(G2)));
  CHECK(subject.writes == before + 1);
}

TEST_CASE("a report renews a lease of the running generation and of no other") {
  Subject subject;
  subject.run();
  auto report = [&](GatewayId gateway, Generation generation) {
    auto token = subject.token();
    subject.send(Report{token, gateway, generation, 0, 0ns});
    return *subject.answer<LeaseValidity>(token);
  };
  CHECK(report(G1, Generation(1)) == LeaseValidity::VALID);
  CHECK(report(G2, Generation(1)) == LeaseValidity::OVER);
  CHECK(report(G1, Generation(0)) == LeaseValidity::OVER);
  subject.stop();
  CHECK(report(G1, Generation(1)) == LeaseValidity::OVER);
}

TEST_CASE("it sleeps after sleepAfter without activity: leases are recalled, then SIGTERM, reason idle") {
  Subject subject;
  subject.run();
  subject.alarm();
  CHECK(subject.is<Draining>());
  CHECK(subject.takeCalls<Recall>().size() == 1);
  CHECK(subject.takeCalls<SignalInstance>().empty());
  subject.send(Recalled{Generation(1), G1});
  CHECK(subject.is<Stopping>());
  CHECK(subject.takeCalls<SignalInstance>().at(0).signal == SIGTERM);
  subject.exit(exitedWith(0));
  CHECK(subject.state.lastExit->reason == StopReason::IDLE);
  CHECK(subject.state.lastExit->code == 0);
  CHECK_FALSE(alarmAt(subject.state, subject.limits).has_value());
}

TEST_CASE("activity moves the moment of sleep, with one write a look") {
  Subject subject;
  subject.run();
  subject.pass(400s);
  for (int i = 0; i < 50; ++i) subject.send(Report{subject.token(), G1, Generation(1), 0, 0ns});
  auto before = subject.writes;
  auto active = subject.now;
  subject.alarm();
  CHECK(subject.is<Running>());
  CHECK(subject.writes == before + 1);
  CHECK(subject.life<Running>().idleCheckAt == active + 600s);
  subject.alarm();
  CHECK_FALSE(subject.is<Running>());
}

TEST_CASE("requests in flight keep it awake while the gateway reports them, and no longer") {
  Subject subject;
  subject.run();
  subject.passTo(subject.life<Running>().idleCheckAt - 1s);
  subject.send(Report{subject.token(), G1, Generation(1), 2, 500s});
  subject.alarm();
  CHECK(subject.is<Running>());
  // The gateway is never heard again: its lease has ended long before the next look.
  subject.alarm();
  CHECK_FALSE(subject.is<Running>());
}

TEST_CASE("after a crash the holder of a lease counts as busy until its lease must have ended") {
  auto spec = webSpec();
  spec.sleepAfter = 2s;
  Subject subject(spec);
  subject.run();
  subject.pass(10s);
  subject.reload();
  auto loaded = subject.now;
  subject.alarm();
  CHECK(subject.is<Running>());
  CHECK(subject.life<Running>().idleCheckAt == loaded + 30s);
  subject.alarm();
  CHECK_FALSE(subject.is<Running>());
}

TEST_CASE("after a crash the idle clock starts at the load") {
  Subject subject;
  subject.start();
  subject.startOn();
  subject.ready();
  subject.pass(599s);
  subject.reload();
  CHECK(subject.all<LookAfter>().size() == 1);
  auto loaded = subject.now;
  subject.alarm();
  CHECK(subject.life<Running>().idleCheckAt == loaded + 600s);
}

TEST_CASE("an ID that was started explicitly sleeps too, later after an exec") {
  Subject subject;
  subject.start();
  subject.startOn();
  subject.ready();
  subject.pass(300s);
  auto exec = subject.token();
  subject.send(FindForExec{exec});
  CHECK(subject.answer<Whereabouts>(exec)->machine == M1);
  auto active = subject.now;
  subject.alarm();
  CHECK(subject.life<Running>().idleCheckAt == active + 600s);
  subject.alarm();
  CHECK(subject.is<Stopping>());           // nobody holds a lease, so there is nothing to drain
  CHECK(subject.life<Stopping>().reason == StopReason::IDLE);
}

TEST_CASE("exec of an ID that does not run is refused with its state, logs of one that never ran too") {
  Subject subject;
  auto exec = subject.token();
  subject.send(FindForExec{exec});
  CHECK(subject.refusal(exec)->message == "it does not run: it is stopped");
  auto logs = subject.token();
  subject.send(FindForLogs{logs});
  CHECK(subject.refusal(logs)->message == "it has no logs");
}

TEST_CASE("a request that comes while it drains or stops waits for the next generation, which starts when the exit is proven") {
  Subject subject;
  subject.run();
  subject.alarm();
  auto whileDraining = subject.lease();
  subject.send(Recalled{Generation(1), G1});
  auto whileStopping = subject.lease(G2);
  CHECK(subject.state.generation == Generation(1));
  subject.exit(exitedWith(0));
  CHECK(subject.state.generation == Generation(2));
  CHECK(subject.state.lastExit->reason == StopReason::IDLE);
  subject.startOn();
  subject.ready();
  CHECK(subject.answer<Endpoint>(whileDraining)->generation == Generation(2));
  CHECK(subject.answer<Endpoint>(whileStopping)->generation == Generation(2));
}

TEST_CASE("a gateway that does not return its lease delays the stop by the drain limit and no longer") {
  Subject subject;
  subject.run();
  subject.stop();
  auto began = subject.now;
  subject.send(CallFailed{{Recall{Generation(1), G1}, 0}, "cut"});
  CHECK(subject.all<RetryAfter>().size() == 1);
  subject.alarm();
  CHECK(subject.now == began + 5s);
  CHECK(subject.is<Stopping>());
}

// ---------------------------------------------------------------------------------------
// Stop and destroy

TEST_CASE("a stop drains, sends its signal, waits the grace, then kills until the exit is proven") {
  Subject subject;
  subject.run();
  auto caller = subject.stop(SIGINT);
  subject.send(Recalled{Generation(1), G1});
  CHECK(subject.takeCalls<SignalInstance>().at(0).signal == SIGINT);
  CHECK(subject.life<Stopping>().killAt == subject.now + 10s);
  subject.alarm();
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  auto killed = subject.now;
  subject.alarm();
  subject.alarm();
  CHECK(subject.takeCalls<KillInstance>().size() == 2);
  CHECK(subject.now == killed + 1s + 2s);
  CHECK(subject.waits(caller));
  subject.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  auto status = subject.answer<Status>(caller);
  REQUIRE(status);
  CHECK(status->state == StateName::STOPPED);
  CHECK(status->lastExit->reason == StopReason::REQUESTED);
  CHECK(status->lastExit->signal == 9);
  CHECK(subject.journal() == "placing, starting, running, draining, stopping, stopping, stopped");
}

TEST_CASE("a stop of a stopped ID answers at once and cancels a restart") {
  auto spec = webSpec();
  spec.restart = RestartPolicy::ALWAYS;
  Subject subject(spec);
  CHECK(subject.answer<Status>(subject.stop()));
  subject.run();
  subject.exit(exitedWith(1));
  CHECK(alarmAt(subject.state, subject.limits).has_value());
  CHECK(subject.answer<Status>(subject.stop()));
  CHECK_FALSE(alarmAt(subject.state, subject.limits).has_value());
}

TEST_CASE("a stop while placing ends the start at once; while starting it kills") {
  Subject placing;
  auto request = placing.lease();
  auto stop = placing.stop();
  CHECK(placing.answer<StartFailure>(request)->code == FailureCode::STOPPED);
  CHECK(placing.answer<Status>(stop)->lastExit->reason == StopReason::REQUESTED);

  Subject starting;
  request = starting.lease();
  starting.startOn();
  stop = starting.stop();
  CHECK(starting.answer<StartFailure>(request)->code == FailureCode::STOPPED);
  CHECK(starting.takeCalls<KillInstance>().size() == 1);
  CHECK(starting.waits(stop));
  starting.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  CHECK(starting.answer<Status>(stop)->lastExit->reason == StopReason::REQUESTED);
}

TEST_CASE("a second stop with SIGKILL ends the grace") {
  Subject subject;
  subject.run();
  auto first = subject.stop();
  subject.send(Recalled{Generation(1), G1});
  auto second = subject.stop(SIGKILL);
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  subject.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  CHECK(subject.answer<Status>(first));
  CHECK(subject.answer<Status>(second));
}

TEST_CASE("a signal outside the kernel's range is refused") {
  Subject subject;
  subject.run();
  CHECK_THAT(subject.refusal(subject.stop(0))->message, Catch::Contains("allowed are 1 to"));
  CHECK(subject.is<Running>());
}

TEST_CASE("a failed signal is repeated within the grace") {
  Subject subject;
  subject.start();
  subject.startOn();
  subject.ready();
  subject.stop();
  auto call = subject.takeCalls<SignalInstance>().at(0);
  subject.send(CallFailed{{call, 0}, "cut"});
  subject.send(RetryDue{subject.all<RetryAfter>().at(0).attempt});
  CHECK(subject.takeCalls<SignalInstance>().size() == 1);
}

TEST_CASE("a reason that the machine knows itself is kept, even when it was being stopped") {
  Subject subject;
  subject.run();
  subject.stop();
  subject.send(Recalled{Generation(1), G1});
  subject.exit({StopReason::OOM, {}, 9, "", {}});
  CHECK(subject.state.lastExit->reason == StopReason::OOM);
}

TEST_CASE("an exit before the signal was sent is the container's own") {
  Subject subject;
  subject.run();
  subject.stop();
  subject.exit(exitedWith(4));
  CHECK(subject.state.lastExit->reason == StopReason::EXITED);
  CHECK(subject.state.lastExit->code == 4);
}

TEST_CASE("destroy kills at once, removes the logs, and answers when both are done") {
  Subject subject;
  subject.run();
  auto caller = subject.destroy();
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  CHECK(subject.takeCalls<Recall>().size() == 1);
  CHECK(subject.takeCalls<RemoveLogs>().empty());
  subject.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  CHECK(subject.takeCalls<RemoveLogs>().at(0).machine == M1);
  CHECK(subject.waits(caller));
  subject.send(LogsRemoved{M1});
  CHECK(subject.answer<Acknowledged>(caller));
  CHECK(subject.state.logMachines.empty());
  CHECK(subject.state.generation == Generation(1));
}

TEST_CASE("destroy of a stopped ID removes what its past generations logged, on each machine") {
  Subject subject;
  subject.run();
  subject.exit(exitedWith(0));
  subject.lease();
  subject.startOn(M2);
  subject.ready(M2);
  subject.exit(exitedWith(0), M2);
  auto caller = subject.destroy();
  CHECK(subject.takeCalls<RemoveLogs>().size() == 2);
  subject.send(LogsRemoved{M1});
  CHECK(subject.waits(caller));
  subject.send(LogsRemoved{M2});
  CHECK(subject.answer<Acknowledged>(caller));
}

TEST_CASE("destroy of an ID that never ran answers at once") {
  Subject subject;
  CHECK(subject.answer<Acknowledged>(subject.destroy()));
}

TEST_CASE("the removal of logs goes ahead of a start that waits, and is not repeated into it") {
  Subject subject;
  subject.run();
  auto destroy = subject.destroy();
  subject.lease();
  subject.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  CHECK(subject.takeCalls<RemoveLogs>().size() == 1);
  CHECK(subject.is<Placing>());
  subject.send(CallFailed{{RemoveLogs{M1}, 0}, "cut"});
  REQUIRE(subject.refusal(destroy));
  CHECK(subject.refusal(destroy)->fault == Fault::DISCONNECTED);
  CHECK(subject.state.logMachines == std::vector{M1});
}

// ---------------------------------------------------------------------------------------
// Own ends, restart, rollout

TEST_CASE("an exit of its own is recorded as it was, and what it held is given back") {
  Subject subject;
  subject.run();
  subject.exit({StopReason::OOM, {}, 9, "", {}});
  CHECK(subject.is<Stopped>());
  CHECK(subject.state.lastExit->reason == StopReason::OOM);
  CHECK(subject.takeCalls<ReleasePermit>().at(0).generation == Generation(1));
  CHECK(subject.takeCalls<ReleaseReservation>().at(0).location == HERE);
  CHECK(subject.takeCalls<Recall>().size() == 1);      // the address may soon be another's
}

TEST_CASE("the restart policy decides by the exit") {
  struct Case { RestartPolicy policy; Exit exit; bool restarts; };
  for (auto& c: {Case{RestartPolicy::NEVER, exitedWith(1), false}, Case{RestartPolicy::ON_FAILURE, exitedWith(0), false},
                 Case{RestartPolicy::ON_FAILURE, exitedWith(1), true},
                 Case{RestartPolicy::ON_FAILURE, {StopReason::SIGNALLED, {}, 11, "", {}}, true},
                 Case{RestartPolicy::ALWAYS, exitedWith(0), true}}) {
    auto spec = webSpec();
    spec.restart = c.policy;
    Subject subject(spec);
    subject.run();
    subject.exit(c.exit);
    CHECK(alarmAt(subject.state, subject.limits).has_value() == c.restarts);
  }
}

TEST_CASE("restarts back off from a second to a minute, and start over after a run of a minute") {
  auto spec = webSpec();
  spec.restart = RestartPolicy::ALWAYS;
  Subject subject(spec);
  subject.run();
  for (auto expected: {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    subject.exit(exitedWith(1));
    CHECK(*alarmAt(subject.state, subject.limits) - subject.now == expected);
    subject.alarm();
    subject.startOn();
    subject.ready();
  }
  CHECK(subject.state.restarts == 8);
  subject.pass(60s);
  subject.exit(exitedWith(1));
  CHECK(*alarmAt(subject.state, subject.limits) - subject.now == 1s);
}

TEST_CASE("a restart that finds no room is tried again; a request's start is not, but its caller is told") {
  auto spec = webSpec();
  spec.restart = RestartPolicy::ALWAYS;
  Subject subject(spec);
  subject.lease();
  subject.send(ClassFull{Generation(1), 1});
  CHECK_FALSE(alarmAt(subject.state, subject.limits).has_value());
  subject.run();
  subject.exit(exitedWith(1));
  subject.alarm();
  subject.send(ClassFull{subject.state.generation, 1});
  CHECK(subject.is<Stopped>());
  CHECK(alarmAt(subject.state, subject.limits).has_value());
}

TEST_CASE("a stop asked for does not restart, whatever the policy") {
  auto spec = webSpec();
  spec.restart = RestartPolicy::ALWAYS;
  Subject subject(spec);
  subject.run();
  subject.stop();
  subject.send(Recalled{Generation(1), G1});
  subject.exit(exitedWith(1));
  CHECK(subject.is<Stopped>());
  CHECK_FALSE(alarmAt(subject.state, subject.limits).has_value());
}

TEST_CASE("a rollout replaces a running instance of an older version and answers when the new one is ready") {
  Subject subject;
  subject.start({{"A", "1"}});
  subject.startOn();
  subject.ready();
  auto same = subject.token();
  subject.send(Rollout{same, 1});
  CHECK(subject.answer<Acknowledged>(same));

  auto newer = subject.token();
  subject.send(Rollout{newer, 2});
  CHECK(subject.is<Stopping>());
  subject.exit(exitedWith(0));
  CHECK(subject.state.lastExit->reason == StopReason::ROLLOUT);
  CHECK(subject.state.generation == Generation(2));
  CHECK(subject.state.extraEnv == std::vector<EnvVar>{{"A", "1"}});
  subject.spec.version = 2;
  subject.startOn();
  CHECK(subject.waits(newer));
  subject.ready();
  CHECK(subject.answer<Acknowledged>(newer));
}

TEST_CASE("a rollout survives a crash: its reason says that the next generation follows") {
  Subject subject;
  subject.run();
  subject.send(Rollout{subject.token(), 2});
  subject.reload();
  subject.send(Recalled{Generation(1), G1});
  subject.reload();
  subject.exit(exitedWith(0));
  CHECK(subject.state.generation == Generation(2));
}

TEST_CASE("a stop during a rollout wins: it is not started again, and the rollout is answered") {
  Subject subject;
  subject.run();
  auto rollout = subject.token();
  subject.send(Rollout{rollout, 2});
  subject.stop();
  subject.send(Recalled{Generation(1), G1});
  subject.exit(exitedWith(0));
  CHECK(subject.is<Stopped>());
  CHECK(subject.answer<Acknowledged>(rollout));
}

TEST_CASE("a rollout in the middle of a start begins it anew, and those who wait get the new version") {
  Subject placing;
  auto request = placing.lease();
  placing.grant();
  placing.send(Rollout{placing.token(), 2});
  CHECK(placing.state.generation == Generation(2));
  CHECK(placing.waits(request));

  Subject starting;
  request = starting.lease();
  starting.startOn();
  starting.send(Rollout{starting.token(), 2});
  CHECK(starting.is<Stopping>());
  starting.exit({StopReason::SIGNALLED, {}, 9, "", {}});
  starting.startOn();
  starting.ready();
  CHECK(starting.answer<Endpoint>(request)->generation == Generation(2));
}

TEST_CASE("health changes are written and shown, and stale ones are not") {
  Subject subject;
  subject.run();
  subject.send(InstanceHealth{subject.token(), Generation(1), M1, Health::UNHEALTHY});
  subject.send(InstanceHealth{subject.token(), Generation(1), M2, Health::HEALTHY});
  auto token = subject.token();
  subject.send(AskStatus{token});
  CHECK(subject.answer<Status>(token)->state == StateName::UNHEALTHY);
  CHECK(subject.answer<Endpoint>(subject.lease()));
}

// ---------------------------------------------------------------------------------------
// Generations and crashes

TEST_CASE("a generation holds its permit and reservation from placing to its proven end, and never again") {
  Subject subject;
  auto holds = [&](uint64_t generation) {
    auto token = subject.token();
    subject.send(AskHolds{token, Generation(generation)});
    return *subject.answer<Holding>(token) == Holding::YES;
  };
  CHECK_FALSE(holds(0));
  subject.lease();
  CHECK(holds(1));
  subject.startOn();
  CHECK(holds(1));
  subject.alarm();
  CHECK(holds(1));
  subject.lease();
  subject.exit(exitedWith(0));
  CHECK_FALSE(holds(1));
  CHECK(holds(2));
}

TEST_CASE("a late timer changes nothing") {
  Subject subject;
  subject.run();
  auto before = subject.state;
  subject.send(AlarmDue{});
  CHECK(subject.state == before);
}

TEST_CASE("facts of another generation or machine are acknowledged and change nothing") {
  Subject subject;
  subject.run();
  auto before = subject.state;
  for (auto& message: std::vector<Message>{
           InstanceExited{CallToken(901), Generation(0), M1, exitedWith(1)}, InstanceExited{CallToken(902), Generation(1), M2, exitedWith(1)},
           InstanceReady{CallToken(903), Generation(0), M1, "10.9.9.9"}, InstanceStarted{CallToken(904), Generation(2), M1, {}}}) {
    subject.send(message);
  }
  CHECK(subject.state == before);
  for (uint64_t token = 901; token <= 904; ++token) CHECK(subject.answer<Acknowledged>(CallToken(token)));
}

TEST_CASE("after a crash each state takes up its work again, under the same generation") {
  Subject subject;
  subject.lease();
  subject.grant();
  subject.reload();
  CHECK(subject.takeCalls<Acquire>().at(0).generation == Generation(1));

  subject.grant();
  subject.place();
  subject.reserve();
  subject.reload();
  auto again = subject.takeCalls<StartInstance>();
  CHECK(again.at(0).generation == Generation(1));
  CHECK(again.at(0).specWords == "spec");
  subject.ready();
  CHECK(subject.is<Running>());

  subject.lease();
  subject.stop();
  subject.reload();
  CHECK(subject.takeCalls<Recall>().size() == 1);
  subject.send(Recalled{Generation(1), G1});
  subject.reload();
  CHECK(subject.takeCalls<SignalInstance>().size() == 1);
  subject.alarm();
  subject.reload();
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
}

TEST_CASE("a reservation of a refusal survives a crash, so that it is released in the end") {
  Subject subject;
  subject.lease();
  subject.grant();
  subject.place();
  subject.reserve();
  subject.send(Refused{Generation(1), M1, "full"});
  subject.reload();
  subject.grant();
  subject.send(Placed{Generation(1), chose("global", "")});
  CHECK(subject.is<Stopped>());
  CHECK(subject.takeCalls<ReleaseReservation>().at(0).location == HERE);
}

TEST_CASE("a release is repeated a bounded number of times; then the keeper finds out by itself") {
  Subject subject;
  subject.send(CallFailed{{ReleasePermit{Generation(0)}, 5}, "cut"});
  CHECK(subject.all<RetryAfter>().size() == 1);
  subject.effects.clear();
  subject.send(CallFailed{{ReleasePermit{Generation(0)}, 20}, "cut"});
  CHECK(subject.effects.empty());
}

TEST_CASE("kept decisions and their candidates are bounded") {
  Subject subject;
  subject.limits.decisionsMax = 2;
  subject.limits.candidatesMax = 3;
  subject.lease();
  subject.grant();
  auto wide = chose("global", "here");
  wide.candidates.resize(10);
  subject.send(Placed{Generation(1), wide});
  subject.send(Reserved{Generation(1), HERE, chose("here", "")});
  subject.send(Placed{Generation(1), chose("global", "")});
  CHECK(subject.state.decisions.size() == 2);
  for (auto& decision: subject.state.decisions) CHECK(decision.candidates.size() <= 3);
}

}  // namespace
}  // namespace meridian::supervisor
