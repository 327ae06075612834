#include "runtime/http/forward-head.h"

#include <catch2/catch.hpp>

namespace meridian::http {
namespace {

std::string request(const std::string& bytes) {
  auto parsed = parseRequestHead(bytes);
  return forwardedRequest(std::get<RequestHead>(parsed), "192.0.2.7");
}

std::string response(const std::string& bytes, ClientFraming framing, AnswerTo to = AnswerTo::OTHER) {
  auto parsed = parseResponseHead(bytes, to);
  return forwardedResponse(std::get<ResponseHead>(parsed), framing);
}

constexpr auto* ADDED = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n\r\n";

TEST_CASE("a request's path, query and fields pass as sent") {
  CHECK(
      request(
          "GET /sandbox/alice/%2e?q=%20&r HTTP/1.1\r\nhOST: a:80\r\nX-One: 1\r\nCookie: a=b\r\nx-one:  2 \r\n\r\n") ==
      std::string("GET /sandbox/alice/%2e?q=%20&r HTTP/1.1\r\nhOST: a:80\r\nX-One: 1\r\nCookie: a=b\r\nx-one: 2\r\n") +
          ADDED);
}

TEST_CASE("what a client says about forwarding is dropped, however it is spelt") {
  CHECK(request("GET / HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-anything: "
                "x\r\nX_Forwarded_For: 1.2.3.4\r\n"
                "Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Real_Ip: 1.2.3.4\r\n\r\n") ==
        std::string("GET / HTTP/1.1\r\nHost: a:80\r\n") + ADDED);
}

TEST_CASE("what belongs to the connection does not pass") {
  CHECK(
      request(
          "GET / HTTP/1.1\r\nHost: a:80\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nX-Other: 2\r\nKeep-Alive: "
          "timeout=5\r\n"
          "TE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nProxy-Authorization: x\r\nProxy-Connection: close\r\n\r\n") ==
      std::string("GET / HTTP/1.1\r\nHost: a:80\r\nX-Other: 2\r\n") + ADDED);
}

TEST_CASE("a Connection field cannot name framing, Host or forwarding away") {
  CHECK(request("POST / HTTP/1.1\r\nHost: a:80\r\nConnection: Host, Content-Length, X-Forwarded-For\r\nContent-Length: "
                "5\r\n\r\n") == std::string("POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n") + ADDED);
}

TEST_CASE("the host of an absolute target replaces the Host field") {
  CHECK(request("GET http://a:80/x HTTP/1.1\r\nHost: other\r\n\r\n") ==
        std::string("GET /x HTTP/1.1\r\nHost: a:80\r\n") + ADDED);
}

TEST_CASE("Expect passes only where it is to be honoured") {
  CHECK(request("POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            .find("Expect: 100-continue") != std::string::npos);
  CHECK(request("POST / HTTP/1.0\r\nHost: a:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").find("Expect") ==
        std::string::npos);
  CHECK(request("GET / HTTP/1.1\r\nHost: a:80\r\nExpect: 100-continue\r\n\r\n").find("Expect") == std::string::npos);
}

TEST_CASE("a response keeps its fields and gets the client's framing") {
  CHECK(response("HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nContent-Length: 5\r\nSet-Cookie: b\r\nConnection: close, "
                 "X-Hop\r\nX-Hop: 1\r\n\r\n",
                 {}) == "HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nContent-Length: 5\r\nSet-Cookie: b\r\n\r\n");
  CHECK(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", {.chunked = true}) ==
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(response("HTTP/1.0 200 OK\r\nA: b\r\n\r\n", {.close = true}) ==
        "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n");
}

TEST_CASE("a 204 has no length; a 304 and an answer to HEAD keep theirs") {
  CHECK(response("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", {}) == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", {}) ==
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  CHECK(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {}, AnswerTo::HEAD) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  CHECK(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {}, AnswerTo::HEAD) ==
        "HTTP/1.1 200 OK\r\n\r\n");
}

}  // namespace
}  // namespace meridian::http
