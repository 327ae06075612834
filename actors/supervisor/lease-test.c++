#include "actors/supervisor/lease.h"

#include <catch2/catch.hpp>

#include "actors/supervisor/subject.h"

namespace meridian::supervisor {
namespace {

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

}  // namespace
}  // namespace meridian::supervisor
