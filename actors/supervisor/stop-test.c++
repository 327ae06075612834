#include "actors/supervisor/stop.h"

#include <catch2/catch.hpp>

#include "actors/supervisor/subject.h"

namespace meridian::supervisor {
namespace {

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

}  // namespace
}  // namespace meridian::supervisor
