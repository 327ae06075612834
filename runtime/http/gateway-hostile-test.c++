// What does not pass through the gateway: hostile clients and hostile containers, on real sockets.
#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

// =======================================================================================
// Hostile clients

struct HostileRequest {
  const char* what;
  std::string bytes;
  int status;
  const char* code;
};

TEST_CASE("a hostile request is refused before the container sees a byte") {
  const std::string start = "GET /sandbox/alice HTTP/1.1\r\nHost: a\r\n";
  const std::string nul(1, '\0');
  const HostileRequest cases[] = {
      {"length and transfer encoding", POST + "Content-Length: 5\r\n" + CHUNKED + "0\r\n\r\n", 400, "bad-framing"},
      {"transfer encoding and length", POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400,
       "bad-framing"},
      {"gzip", POST + "Transfer-Encoding: gzip\r\n\r\n", 400, "bad-framing"},
      {"gzip, chunked", POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "bad-framing"},
      {"equal lengths", POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, "bad-framing"},
      {"a list of lengths", POST + "Content-Length: 5, 5\r\n\r\nhello", 400, "bad-framing"},
      {"a negative length", POST + "Content-Length: -1\r\n\r\n", 400, "bad-framing"},
      {"a length that is no number", POST + "Content-Length: five\r\n\r\nhello", 400, "bad-framing"},
      {"a bad chunk size", POST + CHUNKED + "zz\r\nhello\r\n0\r\n\r\n", 400, "bad-body"},
      {"an overlong chunk size", POST + CHUNKED + "11111111111111111\r\nhello\r\n0\r\n\r\n", 400, "bad-body"},
      {"a chunk size with endless zeros", POST + CHUNKED + std::string(40, '0') + "5\r\nhello\r\n0\r\n\r\n", 400,
       "bad-body"},
      {"a negative chunk size", POST + CHUNKED + "-5\r\nhello\r\n0\r\n\r\n", 400, "bad-body"},
      {"a chunk longer than said", POST + CHUNKED + "3\r\nhello\r\n0\r\n\r\n", 400, "bad-body"},
      {"obs-fold", start + "X: a\r\n b\r\n\r\n", 400, "bad-head"},
      {"a bare CR", start + "X: a\rb\r\n\r\n", 400, "bad-head"},
      {"a bare LF", start + "X: a\nb\r\n\r\n", 400, "bad-head"},
      {"a NUL", start + "X: a" + nul + "b\r\n\r\n", 400, "bad-head"},
      {"a space before the colon", start + "X : a\r\n\r\n", 400, "bad-head"},
      {"no Host", "GET /sandbox/alice HTTP/1.1\r\n\r\n", 400, "bad-host"},
      {"two Hosts", start + "Host: b\r\n\r\n", 400, "bad-host"},
      {"a head over 64 KiB", start + "X: " + std::string(HEAD_MAX, 'a') + "\r\n\r\n", 431, "head-too-large"},
      {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not-implemented"},
      {"a TLS greeting", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400, "bad-head"},
      {"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-head"},
  };
  World world;
  for (const auto& each: cases) {
    INFO(each.what);
    auto client = world.connect();
    // A second request behind the bad one: it must not be answered.
    client.send(each.bytes + GET);
    auto answer = client.receiveAll();
    CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(each.status) + " "));
    CHECK(has(answer, "{\"code\":\"" + std::string(each.code) + "\""));
    CHECK(has(answer, "\r\nConnection: close\r\n"));
    CHECK_FALSE(has(answer, "\nHTTP/1.1 "));
  }
  CHECK(world.supervisors.leases == 0);
  CHECK(world.container.connections() == 0);
}

TEST_CASE("WebSocket is refused, another upgrade is ignored") {
  World world;
  auto client = world.connect();
  client.send("GET /sandbox/alice HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  auto answer = client.receiveResponse();
  CHECK(has(answer, "501 Not Implemented"));
  CHECK(world.container.connections() == 0);
  client.send(
      "GET /sandbox/alice HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
      "h2c\r\nHTTP2-Settings: x\r\n\r\n");
  auto head = world.container.accept().receiveHead();
  CHECK_FALSE(has(head, "pgrade"));
  CHECK_FALSE(has(head, "HTTP2"));
}

TEST_CASE("a bad ID is refused") {
  World world;
  auto client = world.connect();
  for (std::string id: {"", "..", "a%2Fb", "%zz"}) {
    client.send("GET /sandbox/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n");
    auto answer = client.receiveResponse();
    CHECK(has(answer, "400 Bad Request"));
    CHECK(has(answer, "\"code\":\"bad-id\""));
  }
}

TEST_CASE("a head of just 64 KiB passes") {
  World world;
  auto client = world.connect();
  std::string start = "GET /sandbox/alice HTTP/1.1\r\nHost: a\r\nX: ";
  client.send(start + std::string(HEAD_MAX - start.size() - 4, 'a') + "\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("a bad chunk in the middle of a request ends both connections") {
  World world;
  auto client = world.connect();
  client.send(POST + CHUNKED + "5\r\nhello\r\n");
  auto container = world.container.accept();
  container.receiveUntil("hello\r\n");
  client.send("xx\r\n");
  CHECK(has(client.receiveAll(), "400 Bad Request"));
  CHECK_FALSE(has(container.receiveAll(), "0\r\n\r\n"));
}

TEST_CASE("a slow head is refused after ten seconds, a silent connection closed in time") {
  World world;
  auto slow = world.connect();
  slow.send("GET /sand");
  world.advance(9s);
  slow.send("box/al");
  world.advance(2s);
  auto answer = slow.receiveAll();
  CHECK(has(answer, "408 Request Timeout"));

  auto silent = world.connect();
  world.advance(Limits().keepAliveTimeout);
  CHECK(silent.receiveAll() == "");
}

TEST_CASE("a request whose body stops coming is refused") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 5\r\n\r\nhe");
  auto container = world.container.accept();
  container.receiveUntil("he");
  world.advance(Limits().bodyIdleTimeout);
  CHECK(has(client.receiveAll(), "\"code\":\"body-timeout\""));
  CHECK(container.receiveAll() == "");
}

TEST_CASE("one connection too many is told so") {
  World world(Limits{.connectionsMax = 1});
  auto first = world.connect();
  first.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  first.receiveResponse();
  auto second = world.connect();
  auto answer = second.receiveAll();
  CHECK(has(answer, "503 Service Unavailable"));
  CHECK(has(answer, "Retry-After: 1\r\n"));
  first.close();
  second.close();
  world.settle();
  auto third = world.connect();
  third.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(has(third.receiveResponse(), "no-route"));
}

// =======================================================================================
// Hostile containers

struct HostileResponse {
  const char* what;
  std::string bytes;
};

TEST_CASE("a hostile response is refused before the client sees a byte of it") {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  const std::string nul(1, '\0');
  const HostileResponse cases[] = {
      {"both framings", start + "Content-Length: 5\r\n" + CHUNKED + "0\r\n\r\n"},
      {"gzip", start + "Transfer-Encoding: gzip\r\n\r\n"},
      {"equal lengths", start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
      {"a negative length", start + "Content-Length: -1\r\n\r\n"},
      {"a bad chunk size", start + CHUNKED + "zz\r\nhello\r\n"},
      {"a chunk size with endless zeros", start + CHUNKED + std::string(40, '0') + "5\r\nhello\r\n0\r\n\r\n"},
      {"obs-fold", start + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"},
      {"a bare CR", start + "X: a\rb\r\nContent-Length: 0\r\n\r\n"},
      {"lines that end with LF alone", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
      {"a NUL", start + "X: " + nul + "\r\nContent-Length: 0\r\n\r\n"},
      {"a space before the colon", start + "Content-Length : 0\r\n\r\n"},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"},
      {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
      {"a head over 64 KiB", start + "X: " + std::string(HEAD_MAX, 'a')},
      {"a chunked HTTP/1.0", "HTTP/1.0 200 OK\r\n" + CHUNKED + "0\r\n\r\n"},
  };
  for (const auto& each: cases) {
    INFO(each.what);
    World world;
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    container.send(each.bytes);
    auto answer = client.receiveResponse();
    CHECK(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    CHECK(has(answer, "\"code\":\"bad-response\""));
    CHECK(has(answer, "\"id\":\"alice\""));
    CHECK(container.receiveAll() == "");
    // The client did nothing wrong: its connection goes on.
    client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(has(client.receiveResponse(), "no-route"));
  }
}

TEST_CASE("a container that breaks off is a broken answer to the client, never a whole one") {
  struct Case {
    const char* what;
    std::string start;
    std::string end;
  };
  const Case cases[] = {
      {"within a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", ""},
      {"within a chunk", "HTTP/1.1 200 OK\r\n" + CHUNKED + "5\r\nhe", ""},
      {"between chunks", "HTTP/1.1 200 OK\r\n" + CHUNKED + "2\r\nhe\r\n", ""},
      {"with a bad chunk", "HTTP/1.1 200 OK\r\n" + CHUNKED + "2\r\nhe\r\n", "zz\r\n"},
      {"within trailers", "HTTP/1.1 200 OK\r\n" + CHUNKED + "2\r\nhe\r\n", "0\r\nX: "},
  };
  for (const auto& each: cases) {
    INFO(each.what);
    World world;
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    container.send(each.start);
    auto answer = client.receiveUntil("he");
    container.send(each.end);
    container.endSending();
    answer += client.receiveAll();
    CHECK(has(answer, "200 OK"));
    CHECK_FALSE(has(answer, "0\r\n\r\n"));
    CHECK_FALSE(has(answer, "hello"));
  }
}

TEST_CASE("an HTTP/1.0 client sees a reset when a chunked answer breaks off") {
  World world;
  auto client = world.connect();
  client.send("GET /sandbox/alice HTTP/1.0\r\nHost: a\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\n" + CHUNKED + "2\r\nhe\r\n");
  client.receiveUntil("he");
  container.close();
  char byte;
  auto rest =
      client.stream().tryRead(&byte, 1, 1).then([](size_t) { return false; }, [](kj::Exception&&) { return true; });
  CHECK(rest.wait(world.io.waitScope));
}

TEST_CASE("a container that starts a head and stops is refused after ten seconds") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  world.advance(60s);
  container.send("HTTP/1.1 2");
  world.advance(10s);
  CHECK(has(client.receiveResponse(), "\"code\":\"bad-response\""));
}

TEST_CASE("a container that closes without an answer is a 502") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.close();
  CHECK(has(client.receiveResponse(), "\"code\":\"upstream-closed\""));
}

}  // namespace
}  // namespace meridian::http
