#include "actors/supervisor/start.h"

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

TEST_CASE("when every location has refused, the caller learns why the last one did") {
  Subject subject;
  auto caller = subject.lease();
  subject.grant();
  subject.place();
  subject.send(Reserved{Generation(1), HERE, {HERE.value(), subject.now, "", {}, "1 short of memory"}});
  subject.send(Placed{Generation(1), {"global", subject.now, "", {}, "1 refused before"}});
  REQUIRE(subject.answer<StartFailure>(caller));
  CHECK(subject.answer<StartFailure>(caller)->message == "here: 1 short of memory");
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

}  // namespace
}  // namespace meridian::supervisor
