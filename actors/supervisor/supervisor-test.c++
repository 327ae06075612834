#include "actors/supervisor/supervisor.h"

#include <catch2/catch.hpp>

#include "actors/supervisor/subject.h"

namespace meridian::supervisor {
namespace {

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

TEST_CASE("it rests only while it is stopped, since who was active is nowhere else") {
  Subject subject;
  CHECK(resting(subject.state, subject.transient));
  subject.run();
  CHECK_FALSE(resting(subject.state, subject.transient));
  subject.destroy();
  subject.exit(exitedWith(0));
  CHECK_FALSE(resting(subject.state, subject.transient));
  subject.send(LogsRemoved{M1});
  CHECK(resting(subject.state, subject.transient));
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
