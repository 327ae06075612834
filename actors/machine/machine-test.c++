#include <catch2/catch.hpp>

#include <csignal>

#include "actors/machine/subject.h"

namespace meridian::machine {
namespace {

// ---------------------------------------------------------------------------------------
// Accepting

TEST_CASE("a start that fits is accepted and launched with the time that is left until it must be ready") {
  Subject subject;
  auto caller = subject.start(key("a", 1));
  CHECK(subject.answer<Accepted>(caller));
  CHECK(subject.takeCalls<Launch>().at(0).timeout == 30s);
  CHECK(subject.writes == 1);
  CHECK(subject.state.used == smallSpec().need);
}

TEST_CASE("a repeated start is accepted again, launched once, and what is known is told again") {
  Subject subject;
  subject.start(key("a", 1));
  CHECK(subject.answer<Accepted>(subject.start(key("a", 1))));
  CHECK(subject.takeCalls<Launch>().size() == 1);
  subject.started(key("a", 1));
  subject.ready(key("a", 1));
  subject.effects.clear();
  CHECK(subject.answer<Accepted>(subject.start(key("a", 1))));
  CHECK(subject.takeCalls<TellStarted>().size() == 1);
  CHECK(subject.takeCalls<TellReady>().size() == 1);
  CHECK(subject.writes == 1);
}

TEST_CASE("a stale generation is refused, and says which was here") {
  Subject subject;
  subject.start(key("a", 3));
  subject.exit(key("a", 3));
  subject.acknowledged(key("a", 3));
  auto caller = subject.start(key("a", 2));
  REQUIRE(subject.answer<Refused>(caller));
  CHECK(subject.answer<Refused>(caller)->why == "Sandbox/a#2 is stale: generation 3 was here before");
  CHECK(subject.answer<Refused>(subject.start(key("a", 3))));
}

TEST_CASE("capacity is never oversold, and an instance that is proven gone makes room") {
  Subject subject;
  subject.start(key("a", 1));
  subject.start(key("b", 1));
  auto third = subject.start(key("c", 1));
  REQUIRE(subject.answer<Refused>(third));
  CHECK(subject.answer<Refused>(third)->why ==
        "it needs 100 millionths of a vCPU, 100 MiB, 100 MB of disk; free are 50 millionths of a vCPU, 800 MiB, 800 MB of disk");
  subject.exit(key("a", 1));
  CHECK(subject.answer<Accepted>(subject.start(key("d", 1))));
  CHECK(subject.answer<Refused>(subject.start(key("e", 1))));
}

TEST_CASE("a refusal is for ever: the same generation is refused later although there is room") {
  Subject subject;
  subject.start(key("a", 1));
  subject.start(key("b", 1));
  subject.start(key("c", 1));
  subject.exit(key("a", 1));
  CHECK(subject.answer<Refused>(subject.start(key("c", 1))));
  CHECK(subject.answer<Accepted>(subject.start(key("c", 2))));
}

TEST_CASE("a generation is refused while an earlier one of the same ID is not proven gone") {
  Subject subject;
  subject.start(key("a", 1));
  auto caller = subject.start(key("a", 2));
  REQUIRE(subject.answer<Refused>(caller));
  CHECK(subject.answer<Refused>(caller)->why == "Sandbox/a#1 is still here");
  subject.exit(key("a", 1));
  CHECK(subject.answer<Accepted>(subject.start(key("a", 3))));
}

TEST_CASE("over the limit of instances a start is refused") {
  Subject subject;
  subject.limits.instancesMax = 1;
  subject.start(key("a", 1));
  CHECK_THAT(subject.answer<Refused>(subject.start(key("b", 1)))->why, Catch::Contains("that is the limit"));
}

// ---------------------------------------------------------------------------------------
// Facts

TEST_CASE("started and ready are told without a write, again until they are acknowledged") {
  Subject subject;
  subject.start(key("a", 1));
  subject.started(key("a", 1));
  subject.ready(key("a", 1));
  CHECK(subject.writes == 1);
  auto told = subject.takeCalls<TellReady>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].host == "10.0.0.2");
  subject.send(CallFailed{{told[0], 0}, "cut"});
  subject.send(RetryDue{subject.all<RetryAfter>().at(0).attempt});
  CHECK(subject.takeCalls<TellReady>().size() == 1);
  subject.send(CallDone{told[0]});
  subject.ready(key("a", 1));
  CHECK(subject.takeCalls<TellReady>().empty());
}

TEST_CASE("an exit is durable before the driver may forget it, and is told until acknowledged; then the row goes") {
  Subject subject;
  subject.start(key("a", 1));
  subject.started(key("a", 1));
  subject.exit(key("a", 1), exitedWith(3));
  CHECK(subject.state.rows.at(key("a", 1)).exit->code == 3);
  CHECK(subject.state.used == Resources{});
  CHECK(subject.takeCalls<AcknowledgeExit>().size() == 1);
  auto told = subject.takeCalls<TellExited>();
  REQUIRE(told.size() == 1);
  subject.send(CallFailed{{told[0], 1000}, "cut"});
  CHECK(subject.all<RetryAfter>().size() == 1);
  subject.send(CallDone{told[0]});
  CHECK(subject.state.rows.empty());
  CHECK(subject.last(key("a", 1)) == Generation(1));
}

TEST_CASE("a repeated exit changes nothing, and the first one stands") {
  Subject subject;
  subject.start(key("a", 1));
  subject.exit(key("a", 1), exitedWith(3));
  auto before = subject.writes;
  subject.exit(key("a", 1), exitedWith(4));
  CHECK(subject.writes == before);
  CHECK(subject.state.rows.at(key("a", 1)).exit->code == 3);
}

TEST_CASE("what is told about a life ends with it") {
  Subject subject;
  subject.start(key("a", 1));
  subject.started(key("a", 1));
  auto told = subject.takeCalls<TellStarted>().at(0);
  subject.exit(key("a", 1));
  subject.effects.clear();
  subject.send(CallFailed{{told, 0}, "cut"});
  CHECK(subject.effects.empty());
}

TEST_CASE("only the latest health is repeated") {
  Subject subject;
  subject.start(key("a", 1));
  subject.send(DriverHealth{subject.token(), key("a", 1), Health::UNHEALTHY});
  auto old = subject.takeCalls<TellHealth>().at(0);
  subject.send(DriverHealth{subject.token(), key("a", 1), Health::HEALTHY});
  subject.effects.clear();
  subject.send(CallFailed{{old, 0}, "cut"});
  CHECK(subject.effects.empty());
}

TEST_CASE("what starts without having been accepted is killed and reported") {
  Subject subject;
  subject.started(key("a", 1));
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  CHECK(subject.all<ReportStray>().size() == 1);
}

// ---------------------------------------------------------------------------------------
// Signal and kill

TEST_CASE("a signal reaches what lives and is a success for what does not") {
  Subject subject;
  subject.start(key("a", 1));
  auto caller = subject.token();
  subject.send(Signal{caller, key("a", 1), SIGTERM});
  CHECK(subject.answer<Done>(caller));
  CHECK(subject.takeCalls<SignalInstance>().at(0).number == SIGTERM);
  caller = subject.token();
  subject.send(Signal{caller, key("b", 1), SIGTERM});
  CHECK(subject.answer<Done>(caller));
  CHECK(subject.takeCalls<SignalInstance>().empty());
}

TEST_CASE("a kill of what is not here answers no, and its late start is refused") {
  Subject subject;
  CHECK(*subject.answer<Known>(subject.kill(key("a", 4))) == Known::NO);
  CHECK(subject.writes == 1);
  CHECK(*subject.answer<Known>(subject.kill(key("a", 4))) == Known::NO);
  CHECK(*subject.answer<Known>(subject.kill(key("a", 3))) == Known::NO);
  CHECK(subject.writes == 1);
  CHECK(subject.answer<Refused>(subject.start(key("a", 4))));
  CHECK(subject.answer<Accepted>(subject.start(key("a", 5))));
}

TEST_CASE("a kill of what lives answers yes, also of what has exited, whose exit is told again") {
  Subject subject;
  subject.start(key("a", 1));
  CHECK(*subject.answer<Known>(subject.kill(key("a", 1))) == Known::YES);
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
  subject.exit(key("a", 1));
  subject.takeCalls<TellExited>();
  CHECK(*subject.answer<Known>(subject.kill(key("a", 1))) == Known::YES);
  CHECK(subject.takeCalls<TellExited>().size() == 1);
}

TEST_CASE("a kill that met a launch under way is repeated when the instance has started") {
  Subject subject;
  subject.start(key("a", 1));
  subject.kill(key("a", 1));
  subject.takeCalls<KillInstance>();
  subject.started(key("a", 1));
  CHECK(subject.takeCalls<KillInstance>().size() == 1);
}

TEST_CASE("a kill of what was never launched ends it, once the driver says that it is not there") {
  Subject subject;
  subject.start(key("a", 1));
  auto launch = subject.takeCalls<Launch>().at(0);
  subject.kill(key("a", 1));
  subject.send(CallFailed{{launch, 0}, "the driver is away"});
  subject.send(RetryDue{subject.all<RetryAfter>().at(0).attempt});
  CHECK(subject.takeCalls<Launch>().empty());
  CHECK(subject.takeCalls<List>().size() == 1);
  subject.listed({});
  CHECK(subject.state.rows.at(key("a", 1)).exit->signal == SIGKILL);
}

// ---------------------------------------------------------------------------------------
// The driver's list

TEST_CASE("after a load the driver is asked, and exits without an acknowledgement are told again") {
  Subject subject;
  subject.start(key("a", 1));
  subject.exit(key("a", 1));
  subject.reload();
  CHECK(subject.takeCalls<List>().at(0).repeat == Repeat::FOR_EVER);
  CHECK(subject.takeCalls<TellExited>().size() == 1);
}

TEST_CASE("after a load what lives is adopted and told again") {
  Subject subject;
  subject.start(key("a", 1));
  subject.reload();
  subject.listed({{key("a", 1), instantFromNs(5), "10.0.0.2", {}}}, Repeat::FOR_EVER);
  CHECK(subject.takeCalls<TellStarted>().size() == 1);
  CHECK(subject.takeCalls<TellReady>().size() == 1);
  CHECK(subject.takeCalls<Launch>().empty());
  CHECK(subject.all<RetryAfter>().at(0).delay == 60s);
}

TEST_CASE("after a load what was accepted and not launched is launched within its start timeout, and lost after it") {
  for (auto late: {false, true}) {
    Subject subject;
    subject.start(key("a", 1));
    subject.now += late ? 31s : 10s;
    subject.reload();
    subject.listed({});
    CHECK(subject.takeCalls<Launch>().size() == (late ? 0 : 1));
    CHECK(subject.state.rows.at(key("a", 1)).exit.has_value() == late);
  }
}

TEST_CASE("an exit that happened while nobody looked is found with its code") {
  Subject subject;
  subject.start(key("a", 1));
  subject.reload();
  subject.listed({{key("a", 1), instantFromNs(5), {}, exitedWith(9)}});
  CHECK(subject.state.rows.at(key("a", 1)).exit->code == 9);
  CHECK(subject.takeCalls<TellExited>().size() == 1);
}

TEST_CASE("what the driver runs and nobody accepted is killed; an old exit is acknowledged") {
  Subject subject;
  subject.reload();
  subject.listed({{key("a", 1), instantFromNs(5), {}, {}}, {key("b", 1), instantFromNs(5), {}, exitedWith(0)}});
  CHECK(subject.takeCalls<KillInstance>().at(0).key == key("a", 1));
  CHECK(subject.takeCalls<AcknowledgeExit>().at(0).key == key("b", 1));
  CHECK(subject.all<ReportStray>().size() == 1);
}

TEST_CASE("what ran and is not in the list is lost") {
  Subject subject;
  subject.start(key("a", 1));
  subject.send(CallDone{Launch{key("a", 1), 30s}});
  subject.started(key("a", 1));
  subject.send(RetryDue{{List{0, Repeat::FOR_EVER}, 0}});
  subject.listed({});
  CHECK(subject.state.rows.at(key("a", 1)).exit->reason == StopReason::MACHINE_LOST);
}

TEST_CASE("a list that is older than a launch says nothing about it") {
  Subject subject;
  subject.reload();
  auto asked = subject.takeCalls<List>().at(0);
  subject.start(key("a", 1));
  subject.send(CallDone{Launch{key("a", 1), 30s}});
  subject.started(key("a", 1));
  subject.send(Listed{asked, {}});
  CHECK_FALSE(subject.state.rows.at(key("a", 1)).exit.has_value());
  subject.send(RetryDue{{asked, 0}});
  subject.send(Listed{subject.takeCalls<List>().at(0), {}});
  CHECK(subject.state.rows.at(key("a", 1)).exit.has_value());
}

TEST_CASE("a launch whose driver is away is repeated within the start timeout; then the driver is asked whether it is there") {
  Subject subject;
  subject.start(key("a", 1));
  auto launch = subject.takeCalls<Launch>().at(0);
  subject.send(CallFailed{{launch, 0}, "the driver is away"});
  auto retry = subject.all<RetryAfter>().at(0).attempt;
  subject.now += 10s;
  subject.send(RetryDue{retry});
  CHECK(subject.takeCalls<Launch>().at(0).timeout == 20s);
  subject.now += 20s;
  subject.send(RetryDue{retry});
  CHECK(subject.takeCalls<Launch>().empty());
  CHECK(subject.takeCalls<List>().size() == 1);
}

}  // namespace
}  // namespace meridian::machine
