// What passes through the gateway and what does not, on real sockets.
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

const std::string GET = "GET /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string HEAD = "HEAD /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string POST = "POST /sandbox/alice HTTP/1.1\r\nHost: a\r\n";
const std::string CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
const std::string OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// =======================================================================================
// Passing

TEST_CASE("a request reaches the container of its ID and the answer comes back") {
  World world;
  auto client = world.connect();
  client.send("GET /sandbox/alice/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
  auto container = world.container.accept();
  CHECK(container.receiveHead() ==
        "GET /sandbox/alice/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\n"
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("both connections are kept for the next request") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  for (int i = 0; i < 3; ++i) {
    container.receiveHead();
    container.send(OK);
    CHECK(client.receiveResponse() == OK);
    client.send(GET);
  }
  CHECK(world.container.connections() == 1);
  CHECK(world.supervisors.leases == 1);
}

TEST_CASE("pipelined requests are answered in order") {
  World world;
  auto client = world.connect();
  client.send(GET + "GET /sandbox/alice/two HTTP/1.1\r\nHost: a\r\n\r\n" + "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  auto container = world.container.accept();
  CHECK(has(container.receiveHead(), "GET /sandbox/alice HTTP"));
  container.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
  CHECK(has(container.receiveHead(), "GET /sandbox/alice/two HTTP"));
  container.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
  CHECK(has(client.receiveResponse(), "one"));
  CHECK(has(client.receiveResponse(), "two"));
  CHECK(has(client.receiveResponse(), "no-route"));
}

TEST_CASE("an empty line between requests is skipped") {
  World world;
  auto client = world.connect();
  client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(has(client.receiveResponse(), "no-route"));
  CHECK(has(client.receiveResponse(), "no-route"));
}

TEST_CASE("a body with a length passes, and what follows it is the next request") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 5\r\n\r\nhelloGET /sandbox/alice/next HTTP/1.1\r\nHost: a\r\n\r\n");
  auto container = world.container.accept();
  CHECK(has(container.receiveHead(), "\r\nContent-Length: 5\r\n"));
  CHECK(container.receive(5) == "hello");
  container.send(OK);
  CHECK(has(container.receiveHead(), "GET /sandbox/alice/next"));
}

TEST_CASE("a chunked body passes in chunks of the gateway's own; extensions and trailers are dropped") {
  World world;
  auto client = world.connect();
  client.send(POST + CHUNKED + "5;ext=1\r\nhello\r\n0006\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n");
  auto container = world.container.accept();
  CHECK(has(container.receiveHead(), "\r\nTransfer-Encoding: chunked\r\n"));
  CHECK(container.receiveUntil("0\r\n\r\n") == "b\r\nhello world\r\n0\r\n\r\n");
  container.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.receiveUntil("0\r\n\r\n") == "3\r\nabc\r\n0\r\n\r\n");
}

TEST_CASE("a response may start before the request has ended") {
  World world;
  auto client = world.connect();
  client.send(POST + CHUNKED + "2\r\nab\r\n");
  auto container = world.container.accept();
  container.receiveUntil("ab\r\n");
  container.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nAB\r\n");
  CHECK(has(client.receiveUntil("AB\r\n"), "200 OK"));
  client.send("2\r\ncd\r\n");
  container.receiveUntil("cd\r\n");
  container.send("2\r\nCD\r\n0\r\n\r\n");
  client.receiveUntil("0\r\n\r\n");
  client.send("0\r\n\r\n");
  container.receiveUntil("0\r\n\r\n");
  client.send(GET);
  container.receiveHead();
}

TEST_CASE("the head of a chunked response passes when the container pauses before its first chunk") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  world.advance(Limits().firstChunkWait);
  CHECK(has(client.receiveHead(), "200 OK"));
}

TEST_CASE("a body that ends with the container's connection becomes chunked, and the client's connection stays") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.0 200 OK\r\n\r\nabc");
  container.close();
  CHECK(client.receiveHead() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.receiveUntil("0\r\n\r\n") == "3\r\nabc\r\n0\r\n\r\n");
  client.send(GET);
  world.container.accept().receiveHead();
}

TEST_CASE("an HTTP/1.0 client gets no chunks and its connection is closed") {
  World world;
  auto client = world.connect();
  client.send("GET /sandbox/alice HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  auto container = world.container.accept();
  CHECK(has(container.receiveHead(), "HTTP/1.1\r\n"));
  container.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  CHECK(client.receiveAll() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
}

TEST_CASE("a client that asks for close gets it") {
  World world;
  auto client = world.connect();
  client.send("GET /sandbox/alice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  auto container = world.container.accept();
  CHECK_FALSE(has(container.receiveHead(), "Connection"));
  container.send(OK);
  CHECK(client.receiveAll() == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
}

TEST_CASE("204, 304 and the answer to HEAD have no body, and the connection goes on") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 204 No Content\r\n\r\n");
  client.send(GET);
  container.receiveHead();
  container.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
  client.send(HEAD);
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  client.send(HEAD);
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 200 OK\r\n\r\n");
  client.send(GET);
  container.receiveHead();
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("an own error has a length, and no body for HEAD") {
  World world;
  auto client = world.connect();
  client.send("HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  auto head = client.receiveHead();
  CHECK(has(head, "404 Not Found"));
  CHECK(has(head, "Content-Length: "));
  client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.receiveHead() == head);
  CHECK(has(client.receiveUntil("}"), "{\"code\":\"no-route\",\"message\":\"no route matches /nowhere\"}"));
}

TEST_CASE("what the container says beyond its response is not taken for the next one") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  CHECK(client.receiveResponse() == OK);
  client.send(GET);
  auto second = world.container.accept();
  second.receiveHead();
  second.send(OK);
  CHECK(client.receiveResponse() == OK);
}

// =======================================================================================
// 100 Continue and other interim responses

TEST_CASE("100 Continue of the container reaches the client") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  auto container = world.container.accept();
  CHECK(has(container.receiveHead(), "Expect: 100-continue"));
  container.send("HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  CHECK(container.receive(5) == "hello");
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("a container that ignores Expect is helped after a while, and a late 100 is not repeated") {
  World world;
  auto client = world.connect();
  client.send(POST + CHUNKED.substr(0, CHUNKED.size() - 2) + "Expect: 100-continue\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  world.advance(Limits().continueWait);
  CHECK(client.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("5\r\nhello\r\n0\r\n\r\n");
  container.receiveUntil("0\r\n\r\n");
  container.send("HTTP/1.1 100 Continue\r\n\r\n" + OK);
  CHECK(client.receiveResponse() == OK);
}

TEST_CASE("a final answer instead of 100 closes the connection, for the body may come or not") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.receiveAll() == "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST_CASE("other interim responses pass, but not to HTTP/1.0 clients") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK);
  CHECK(client.receiveHead() == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  CHECK(client.receiveResponse() == OK);

  auto old = world.connect();
  old.send("GET /sandbox/alice HTTP/1.0\r\nHost: a\r\n\r\n");
  container.receiveHead();
  container.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK);
  CHECK(has(old.receiveAll(), "HTTP/1.1 200 OK"));
}

TEST_CASE("a container that never ends its interim responses is refused") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  for (int i = 0; i <= Limits().interimResponsesMax; ++i) container.send("HTTP/1.1 102 Processing\r\n\r\n");
  CHECK(has(client.receiveUntil("}"), "bad-response"));
}

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

// =======================================================================================
// Aborts and flow

TEST_CASE("a client that leaves is gone for the container too") {
  World world;
  {
    INFO("while the container thinks");
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within the request's body");
    auto client = world.connect();
    client.send(POST + "Content-Length: 5\r\n\r\nhe");
    auto container = world.container.accept();
    container.receiveUntil("he");
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within a chunked body: it must not look complete");
    auto client = world.connect();
    client.send(POST + CHUNKED + "2\r\nhe\r\n");
    auto container = world.container.accept();
    container.receiveUntil("he\r\n");
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within the response");
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    container.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    client.receiveUntil("he");
    client.close();
    CHECK(container.receiveAll() == "");
  }
}

TEST_CASE("an early answer ends a request whose body nobody reads") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 1000\r\n\r\nhe");
  auto container = world.container.accept();
  container.receiveUntil("he");
  container.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  container.close();
  CHECK(client.receiveAll() == "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
}

size_t residentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Passes `total` bytes from one stream to another, 64 KiB at a time, and checks each byte.
kj::Promise<void> produce(kj::AsyncOutputStream& out, const std::string& block, size_t left) {
  if (left == 0) return kj::READY_NOW;
  return out.write(block.data(), block.size()).then([&out, &block, left]() {
    return produce(out, block, left - block.size());
  });
}

kj::Promise<void> consumeAll(kj::AsyncInputStream& in, std::string& block, const std::string& expected, size_t left,
                             bool& equal) {
  if (left == 0) return kj::READY_NOW;
  return in.read(block.data(), block.size()).then([&in, &block, &expected, left, &equal]() {
    equal &= block == expected;
    return consumeAll(in, block, expected, left - block.size(), equal);
  });
}

TEST_CASE("a body of 128 MiB passes in constant memory, each way") {
  constexpr size_t TOTAL = 128 << 20, GROWTH_MAX = 4 << 20;
  std::string block(64 << 10, '\0'), received(block.size(), '\0');
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 31 >> 3);
  bool equal = true;

  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: " + std::to_string(TOTAL) + "\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  auto before = residentBytes();
  auto sending = produce(client.stream(), block, TOTAL).eagerlyEvaluate(nullptr);
  consumeAll(container.stream(), received, block, TOTAL, equal).wait(world.io.waitScope);
  sending.wait(world.io.waitScope);
  CHECK(equal);

  container.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(TOTAL) + "\r\n\r\n");
  client.receiveHead();
  sending = produce(container.stream(), block, TOTAL).eagerlyEvaluate(nullptr);
  consumeAll(client.stream(), received, block, TOTAL, equal).wait(world.io.waitScope);
  sending.wait(world.io.waitScope);
  CHECK(equal);
  auto after = residentBytes();
  CHECK(after < before + GROWTH_MAX);
}

TEST_CASE("a client that does not read holds the container back") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  client.receiveHead();
  std::string block(1 << 20, 'x');
  size_t written = 0;
  kj::Function<kj::Promise<void>()> flood = [&]() -> kj::Promise<void> {
    return container.stream().write(block.data(), block.size()).then([&]() {
      written += block.size();
      return flood();
    });
  };
  auto flooding = flood().eagerlyEvaluate(nullptr);
  // The kernel's buffers fill, then nothing moves any more.
  size_t last = SIZE_MAX;
  while (written != last) {
    last = written;
    world.io.provider->getTimer().afterDelay(50 * kj::MILLISECONDS).wait(world.io.waitScope);
  }
  CHECK(written < 100'000'000);
}

}  // namespace
}  // namespace meridian::http
