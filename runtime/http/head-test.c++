#include "runtime/http/head.h"

#include <catch2/catch.hpp>

#include "runtime/http/gateway-limits.h"

namespace meridian::http {
namespace {

struct RequestCase {
  const char* what;
  std::string head;
  int status;  // 0: accepted
};

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }
std::string post(const std::string& fields) { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }

// As the gateway does it: scanned, then parsed. The status of the refusal, or 0.
int judge(const std::string& bytes) {
  HeadScanner scanner;
  switch (scanner.scan(bytes)) {
    case HeadScanner::Found::REFUSED: return 400;
    case HeadScanner::Found::MORE: return -1;
    case HeadScanner::Found::END: break;
  }
  auto parsed = parseRequestHead(std::string_view(bytes).substr(0, scanner.end()));
  auto* refusal = std::get_if<HeadRefusal>(&parsed);
  return refusal ? refusal->status : 0;
}

TEST_CASE("a request head has one meaning or is refused") {
  const std::string nul(1, '\0');
  const RequestCase cases[] = {
      {"a plain GET", get(""), 0},
      {"a field without a value", get("X-Empty:\r\n"), 0},
      {"blanks around a value", get("X-A: \t b \t\r\n"), 0},
      {"bytes above ASCII in a value", get("X-A: caf\xc3\xa9\r\n"), 0},
      {"a length", post("Content-Length: 5\r\n"), 0},
      {"the longest length", post("Content-Length: 9999999999999999999\r\n"), 0},
      {"chunked", post("Transfer-Encoding: Chunked\r\n"), 0},
      {"HTTP/1.0 with a Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 0},
      {"an absolute target", "GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"a host with a port", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},

      {"length and transfer encoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"transfer encoding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"different lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"a list of equal lengths", post("Content-Length: 5, 5\r\n"), 400},
      {"a negative length", post("Content-Length: -5\r\n"), 400},
      {"a signed length", post("Content-Length: +5\r\n"), 400},
      {"a hexadecimal length", post("Content-Length: 0x5\r\n"), 400},
      {"a length with a unit", post("Content-Length: 5b\r\n"), 400},
      {"an empty length", post("Content-Length:\r\n"), 400},
      {"a length with a blank", post("Content-Length: 5 5\r\n"), 400},
      {"a length over 64 bits", post("Content-Length: 99999999999999999999\r\n"), 400},
      {"a length with many zeros", post("Content-Length: 00000000000000000005\r\n"), 400},
      {"gzip", post("Transfer-Encoding: gzip\r\n"), 400},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n"), 400},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"chunked, gzip", post("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {"two transfer encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"identity", post("Transfer-Encoding: identity\r\n"), 400},
      {"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"an empty transfer encoding", post("Transfer-Encoding:\r\n"), 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"a vertical tab in the transfer encoding", post("Transfer-Encoding: \vchunked\r\n"), 400},

      {"obs-fold", get("X-A: b\r\n c\r\n"), 400},
      {"obs-fold with a tab", get("X-A: b\r\n\tc\r\n"), 400},
      {"a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"a bare CR in a value", get("X-A: b\rc\r\n"), 400},
      {"a bare LF in a value", get("X-A: b\nc\r\n"), 400},
      {"a NUL in a value", get("X-A: b" + nul + "c\r\n"), 400},
      {"a NUL in a name", get("X" + nul + "A: b\r\n"), 400},
      {"a control byte in a value", get("X-A: b\x01\r\n"), 400},
      {"DEL in a value", get("X-A: b\x7f\r\n"), 400},
      {"lines that end with LF alone", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"one line that ends with LF alone", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"a last line that ends with LF alone", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"two CR", get("X-A: b\r\r\n"), 400},
      {"a space before the colon", get("X-A : b\r\n"), 400},
      {"a tab before the colon", get("X-A\t: b\r\n"), 400},
      {"a field without a colon", get("X-A\r\n"), 400},
      {"an empty name", get(": b\r\n"), 400},
      {"a name with a bracket", get("X(A): b\r\n"), 400},
      {"a name above ASCII", get("X\xc3\xa9: b\r\n"), 400},

      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"two Hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"an absolute target without a Host", "GET http://b/c HTTP/1.1\r\n\r\n", 400},
      {"an absolute target with a user", "GET http://u@b/c HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"an absolute target without an authority", "GET http:///c HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"an absolute target of another scheme", "GET ftp://b/c HTTP/1.1\r\nHost: a\r\n\r\n", 400},

      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a target above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a leading blank", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a bad method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"a response", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n", 400},
      {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
  };
  for (const auto& each: cases) {
    INFO(each.what);
    CHECK(judge(each.head) == each.status);
  }
}

TEST_CASE("a head with too many fields is refused") {
  std::string fields;
  for (size_t i = 1; i < FIELDS_MAX; ++i) fields += "A: b\r\n";
  CHECK(judge(get(fields)) == 0);
  CHECK(judge(get(fields + "A: b\r\n")) == 431);
}

TEST_CASE("the end of a head is found wherever its bytes are cut") {
  const std::string head = get("X-A: b\r\n");
  for (size_t cut = 0; cut <= head.size(); ++cut) {
    HeadScanner scanner;
    auto first = scanner.scan(std::string_view(head).substr(0, cut));
    CHECK(first == (cut < head.size() ? HeadScanner::Found::MORE : HeadScanner::Found::END));
    if (first == HeadScanner::Found::MORE) CHECK(scanner.scan(head + "GET") == HeadScanner::Found::END);
    CHECK(scanner.end() == head.size());
  }
}

TEST_CASE("an absolute target gives the path and the host") {
  auto bytes = std::string("GET http://b:80?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  auto parsed = parseRequestHead(bytes);
  // A query without a path has no origin-form of its own.
  CHECK(std::holds_alternative<HeadRefusal>(parsed));

  bytes = "GET http://b:80/c?q=1 HTTP/1.1\r\nHost: a\r\n\r\n";
  parsed = parseRequestHead(bytes);
  auto& head = std::get<RequestHead>(parsed);
  CHECK(head.target == "/c?q=1");
  CHECK(head.host == "b:80");

  bytes = "GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n";
  parsed = parseRequestHead(bytes);
  CHECK(std::get<RequestHead>(parsed).target == "/");
}

TEST_CASE("a request says whether its connection stays and whether it waits for 100 Continue") {
  auto parse = [](const std::string& bytes) {
    auto parsed = parseRequestHead(bytes);
    return std::get<RequestHead>(parsed);
  };
  CHECK(parse(get("")).keepAlive);
  CHECK_FALSE(parse(get("Connection: x, Close\r\n")).keepAlive);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").keepAlive);
  CHECK(parse(post("Content-Length: 5\r\nExpect: 100-Continue\r\n")).expectsContinue);
  CHECK_FALSE(parse(get("Expect: 100-continue\r\n")).expectsContinue);
  CHECK_FALSE(parse("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").expectsContinue);
  CHECK(parse(get("Connection: Upgrade\r\nUpgrade: WebSocket\r\n")).wantsWebSocket);
  CHECK_FALSE(parse(get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n")).wantsWebSocket);
}

struct ResponseCase {
  const char* what;
  const char* head;
  AnswerTo request;
  bool accepted;
  Framing::Kind framing = Framing::Kind::NONE;
  bool keepAlive = true;
};

TEST_CASE("a response head has one framing or is refused") {
  using Kind = Framing::Kind;
  const ResponseCase cases[] = {
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, true, Kind::LENGTH},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", AnswerTo::OTHER, true, Kind::CHUNKED},
      {"neither", "HTTP/1.1 200 OK\r\n\r\n", AnswerTo::OTHER, true, Kind::UNTIL_CLOSE, false},
      {"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", AnswerTo::OTHER, true, Kind::LENGTH},
      {"to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", AnswerTo::HEAD, true, Kind::NONE},
      {"to HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", AnswerTo::HEAD, true, Kind::NONE},
      {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, true, Kind::NONE},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", AnswerTo::OTHER, true, Kind::NONE},
      {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, true, Kind::NONE,
       false},
      {"close", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", AnswerTo::OTHER, true,
       Kind::LENGTH, false},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, true, Kind::LENGTH, false},
      {"100", "HTTP/1.1 100 Continue\r\n\r\n", AnswerTo::OTHER, true, Kind::NONE},

      {"100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, false},
      {"101", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", AnswerTo::OTHER, false},
      {"both framings", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", AnswerTo::OTHER,
       false},
      {"both framings to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       AnswerTo::HEAD, false},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", AnswerTo::OTHER, false},
      {"gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", AnswerTo::OTHER, false},
      {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", AnswerTo::OTHER, false},
      {"a space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", AnswerTo::OTHER, false},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", AnswerTo::OTHER, false},
      {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", AnswerTo::OTHER, false},
      {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", AnswerTo::OTHER, false},
      {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", AnswerTo::OTHER, false},
      {"a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", AnswerTo::OTHER, false},
  };
  for (const auto& each: cases) {
    INFO(each.what);
    auto parsed = parseResponseHead(each.head, each.request);
    auto* head = std::get_if<ResponseHead>(&parsed);
    REQUIRE((head != nullptr) == each.accepted);
    if (!head) continue;
    CHECK(head->framing.kind == each.framing);
    CHECK(head->keepAlive == each.keepAlive);
  }
}

}  // namespace
}  // namespace meridian::http
