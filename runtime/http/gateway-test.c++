// What passes through the gateway, on real sockets.
#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

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

}  // namespace
}  // namespace meridian::http
