// The stories of leases: one question for many requests, recall, reports, failures, retries. Through the whole gateway.
#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

TEST_CASE("a hundred requests for a sleeping ID ask its supervisor once") {
  World world;
  world.supervisors.hold();
  std::vector<Peer> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(world.connect());
    clients.back().send(GET);
  }
  world.settle();
  CHECK(world.supervisors.leases == 1);
  world.supervisors.release();
  for (int i = 0; i < 100; ++i) {
    auto container = world.container.accept();
    container.receiveHead();
    container.send(OK);
  }
  for (auto& client: clients) CHECK(client.receiveResponse() == OK);
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("a client that leaves while the ID starts does not end the start for the others") {
  World world;
  world.supervisors.hold();
  auto leaver = world.connect();
  leaver.send(GET);
  world.settle();
  auto stayer = world.connect();
  stayer.send(GET);
  world.settle();
  leaver.close();
  world.settle();
  world.supervisors.release();
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  CHECK(stayer.receiveResponse() == OK);
  CHECK(world.container.connections() == 1);
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("an ID that all have left is leased all the same") {
  World world;
  world.supervisors.hold();
  auto leaver = world.connect();
  leaver.send(GET);
  world.settle();
  leaver.close();
  world.settle();
  world.supervisors.release();
  world.settle();
  auto client = world.connect();
  client.send(GET);
  world.container.accept().receiveHead();
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("too many waiters for one ID are told so") {
  World world(Limits{.leaseWaitersMax = 1});
  world.supervisors.hold();
  auto first = world.connect();
  first.send(GET);
  world.settle();
  auto second = world.connect();
  second.send(GET);
  auto answer = second.receiveResponse();
  CHECK(has(answer, "503 Service Unavailable"));
  CHECK(has(answer, "\"code\":\"overloaded\""));
  world.supervisors.release();
  world.container.accept().receiveHead();
}

TEST_CASE("a failed start says what failed, how, and when to come again") {
  struct Case {
    LeaseAnswer answer;
    std::vector<std::string> parts;
  };
  const Case cases[] = {
      {{.failure = "start-failed", .reason = schema::StopReason::EXEC_FAILED},
       {"502 Bad Gateway", "\"code\":\"start-failed\"", "\"stop_reason\":\"exec-failed\"", "\"exit_code\":null"}},
      {{.failure = "start-failed", .reason = schema::StopReason::EXITED, .exitCode = 3},
       {"502 Bad Gateway", "\"stop_reason\":\"exited\"", "\"exit_code\":3", "\"exit_signal\":null"}},
      {{.failure = "start-timeout", .reason = schema::StopReason::START_TIMEOUT},
       {"504 Gateway Timeout", "\"code\":\"start-timeout\"", "\"stop_reason\":\"start-timeout\""}},
      {{.failure = "max-instances", .retryAfterMs = 2'100},
       {"503 Service Unavailable", "\"code\":\"max-instances\"", "\"full\":\"max-instances\"", "\r\nRetry-After: 3\r\n",
        "\"retry_after_s\":3"}},
      {{.failure = "no-capacity"}, {"503 Service Unavailable", "\"full\":\"capacity\"", "\r\nRetry-After: 1\r\n"}},
      {{.failure = "stopped"}, {"503 Service Unavailable", "\"code\":\"stopped\"", "\r\nRetry-After: 1\r\n"}},
      {{.failure = "unknown-class"},
       {"404 Not Found", "\"code\":\"unknown-class\"", "\"class\":\"Sandbox\"", "\"id\":\"alice\""}},
  };
  World world;
  auto client = world.connect();
  for (const auto& each: cases) {
    world.supervisors.answer(each.answer);
    client.send(GET);
    auto answer = client.receiveResponse();
    INFO(answer);
    for (const auto& part: each.parts) CHECK(has(answer, part));
  }
  // A failure is nobody's lease: each request asked.
  CHECK(world.supervisors.leases == int(std::size(cases)));
}

TEST_CASE("a supervisor that is away for a moment is asked again, one that stays away is a retry for the client") {
  World world;
  auto client = world.connect();
  world.supervisors.failNext(2, kj::Exception::Type::DISCONNECTED);
  client.send(GET);
  world.advance(50ms);
  world.advance(100ms);
  {
    auto container = world.container.accept();
    container.receiveHead();
    container.send(OK);
    CHECK(client.receiveResponse() == OK);
  }
  CHECK(world.supervisors.leases == 3);

  auto other = world.connect();
  world.supervisors.failNext(100, kj::Exception::Type::DISCONNECTED);
  other.send("GET /sandbox/bob HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < Limits().leaseTriesMax; ++i) world.advance(1s);
  auto answer = other.receiveResponse();
  CHECK(has(answer, "503 Service Unavailable"));
  CHECK(has(answer, "\"code\":\"retry\""));
  CHECK(has(answer, "Retry-After: 1\r\n"));
}

TEST_CASE("an overloaded supervisor is a 503") {
  World world;
  auto client = world.connect();
  world.supervisors.failNext(1, kj::Exception::Type::OVERLOADED);
  client.send(GET);
  CHECK(has(client.receiveResponse(), "\"code\":\"overloaded\""));
}

TEST_CASE("a supervisor that fails, or names an endpoint that is none, is a 500 and its bug") {
  World world;
  auto client = world.connect();
  world.supervisors.failNext(1, kj::Exception::Type::FAILED);
  client.send(GET);
  CHECK(has(client.receiveResponse(), "500 Internal Server Error"));
  world.supervisors.answer({.port = world.container.port(), .host = "localhost"});
  client.send(GET);
  CHECK(has(client.receiveResponse(), "\"code\":\"internal\""));
}

// =======================================================================================
// Recall

TEST_CASE("a recall is answered when the last request in flight has ended") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  auto recalled = world.recall("alice", 1);
  CHECK_FALSE(isReady(recalled, world));
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  CHECK(isReady(recalled, world));
  // The kept connection is closed too.
  CHECK(container.receiveAll() == "");
}

TEST_CASE("a request that comes after the recall waits for the next generation") {
  World world;
  auto first = world.connect();
  first.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  auto recalled = world.recall("alice", 1);
  world.settle();

  FakeContainer next(world.io);
  world.supervisors.answer({.generation = 2, .port = next.port()});
  world.supervisors.hold();
  auto second = world.connect();
  second.send(GET);
  world.settle();
  CHECK(world.supervisors.leases == 2);
  CHECK(world.container.connections() == 1);

  container.send(OK);
  CHECK(first.receiveResponse() == OK);
  CHECK(isReady(recalled, world));
  world.supervisors.release();
  auto fresh = next.accept();
  fresh.receiveHead();
  fresh.send(OK);
  CHECK(second.receiveResponse() == OK);
  CHECK(world.container.connections() == 1);
}

TEST_CASE("a recall of what is not leased is answered at once, an older one leaves the present alone") {
  World world;
  auto unknown = world.recall("nobody", 7);
  CHECK(isReady(unknown, world));

  world.supervisors.answer({.generation = 5, .port = world.container.port()});
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  auto old = world.recall("alice", 4);
  CHECK(isReady(old, world));
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  exchange(client, container);
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("a recall is idempotent") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  auto first = world.recall("alice", 1);
  auto second = world.recall("alice", 1);
  CHECK_FALSE(isReady(first, world));
  CHECK_FALSE(isReady(second, world));
  container.send(OK);
  client.receiveResponse();
  CHECK(isReady(first, world));
  CHECK(isReady(second, world));
  auto third = world.recall("alice", 1);
  CHECK(isReady(third, world));
}

TEST_CASE("a recall that overtakes the answer it recalls is obeyed") {
  World world;
  world.supervisors.hold();
  auto client = world.connect();
  client.send(GET);
  world.settle();
  auto recalled = world.recall("alice", 1);
  CHECK(isReady(recalled, world));
  world.supervisors.release();
  world.settle();
  // The answer was for generation 1: nothing is sent there, the supervisor is asked again.
  FakeContainer next(world.io);
  world.supervisors.answer({.generation = 2, .port = next.port()});
  world.advance(50ms);
  next.accept().receiveHead();
  CHECK(world.container.connections() == 0);
}

TEST_CASE("a recall does not wait for a request that is between two attempts") {
  World world;
  auto client = world.connect();
  {
    FakeContainer gone(world.io);
    world.supervisors.answer({.port = gone.port()});
  }
  client.send(GET);
  world.settle();
  // Nobody listens: the request has asked again twice and now pauses.
  auto recalled = world.recall("alice", 1);
  CHECK(isReady(recalled, world));
}

// =======================================================================================
// Lease ends and reports

TEST_CASE("past its end a lease is asked for again") {
  World world;
  world.supervisors.answer({.port = world.container.port(), .leaseMs = 10'000});
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  for (int i = 0; i < 7; ++i) world.advance(1s);
  exchange(client, container);
  CHECK(world.supervisors.leases == 1);
  for (int i = 0; i < 13; ++i) world.advance(1s);
  client.send(GET);
  world.container.accept().receiveHead();
  CHECK(world.supervisors.leases == 2);
}

TEST_CASE("activity is reported once a second, and once more when it is over") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  for (int i = 0; i < 3; ++i) world.advance(1s);
  REQUIRE(world.supervisors.reports.size() == 3);
  for (const auto& report: world.supervisors.reports) {
    CHECK(report.id == "alice");
    CHECK(report.generation == 1);
    CHECK(report.inFlight == 1);
  }
  CHECK(world.supervisors.reports.back().idleMs == 3'000);

  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  world.advance(1s);
  REQUIRE(world.supervisors.reports.size() == 4);
  CHECK(world.supervisors.reports.back().inFlight == 0);
  CHECK(world.supervisors.reports.back().idleMs == 1'000);
  for (int i = 0; i < 3; ++i) world.advance(1s);
  CHECK(world.supervisors.reports.size() == 4);
}

TEST_CASE("a request after a pause is reported at once") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  client.receiveResponse();
  for (int i = 0; i < 5; ++i) world.advance(1s);
  auto before = world.supervisors.reports.size();
  client.send(GET);
  container.receiveHead();
  world.settle();
  REQUIRE(world.supervisors.reports.size() == before + 1);
  CHECK(world.supervisors.reports.back().inFlight == 1);
}

TEST_CASE("requests under load are reported together") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  client.receiveResponse();
  for (int i = 0; i < 50; ++i) exchange(client, container);
  world.advance(1s);
  CHECK(world.supervisors.reports.size() == 1);
}

TEST_CASE("reports keep the lease of a long request alive") {
  World world;
  world.supervisors.answer({.port = world.container.port(), .leaseMs = 5'000});
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  for (int i = 0; i < 20; ++i) world.advance(1s);
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  exchange(client, container);
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("a report that is not valid ends the lease") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  world.supervisors.reportsValid = false;
  world.advance(1s);
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  world.supervisors.reportsValid = true;
  world.supervisors.answer({.generation = 2, .port = world.container.port()});
  client.send(GET);
  world.container.accept().receiveHead();
  CHECK(world.supervisors.leases == 2);
}

// =======================================================================================
// Retries

TEST_CASE("a container that cannot be reached is asked about again, and the request goes to the new answer") {
  World world;
  uint16_t closedPort;
  {
    FakeContainer gone(world.io);
    closedPort = gone.port();
  }
  world.supervisors.answer({.generation = 1, .port = closedPort});
  world.supervisors.hold();
  auto client = world.connect();
  client.send("POST /sandbox/alice HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  world.settle();
  world.supervisors.release();
  world.settle();
  world.supervisors.answer({.generation = 2, .port = world.container.port()});
  world.advance(Limits().attemptBackoff);
  auto container = world.container.accept();
  container.receiveUntil("hello");
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("a container that cannot be reached at all is a 502") {
  World world;
  {
    FakeContainer gone(world.io);
    world.supervisors.answer({.port = gone.port()});
  }
  auto client = world.connect();
  client.send(GET);
  world.advance(Limits().attemptBackoff);
  CHECK(has(client.receiveResponse(), "\"code\":\"upstream-unreachable\""));
  CHECK(world.supervisors.leases == Limits().attemptsMax);
}

TEST_CASE("a kept connection that dies under a request costs a repeatable request nothing") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  client.receiveResponse();

  client.send(GET);
  container.receiveHead();
  container.close();
  auto second = world.container.accept();
  second.receiveHead();
  second.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("a request that is not repeatable is not sent twice") {
  for (std::string request: {"POST /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n",
                             "PUT /sandbox/alice HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"}) {
    World world;
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    container.send(OK);
    client.receiveResponse();

    client.send(request);
    container.receiveHead();
    container.close();
    CHECK(has(client.receiveUntil("}"), "\"code\":\"upstream-closed\""));
    world.settle();
    CHECK(world.container.connections() == 1);
  }
}

TEST_CASE("a request that is not repeatable takes no connection that was idle for long") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  client.receiveResponse();
  world.advance(Limits().upstreamFreshFor);
  client.send("POST /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n");
  world.container.accept().receiveHead();
}

TEST_CASE("a kept connection is closed when it has been idle for long, and not used when the container closed it") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto first = world.container.accept();
  first.receiveHead();
  first.send(OK);
  client.receiveResponse();
  first.close();
  world.settle();
  client.send(GET);
  auto second = world.container.accept();
  second.receiveHead();
  second.send(OK);
  client.receiveResponse();
  for (int i = 0; i < 16; ++i) world.advance(1s);
  CHECK(second.receiveAll() == "");
}

}  // namespace
}  // namespace meridian::http
