#include "runtime/http/chunked-body.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "runtime/http/gateway-limits.h"

namespace meridian::http {
namespace {

struct Result {
  std::string payload;
  std::string rest;  // after the body's end
};

// Feeds `bytes` in steps of `step`; nothing when the body is refused or never ends.
std::optional<Result> decode(const std::string& bytes, size_t step) {
  ChunkedBody body;
  Result result;
  size_t given = 0, done = 0;
  for (;;) {
    given = std::min(given + step, bytes.size());
    std::vector<std::string_view> payload;
    size_t consumed = 0;
    auto taken = body.take(std::string_view(bytes).substr(done, given - done), payload, consumed);
    for (auto piece: payload) result.payload += piece;
    done += consumed;
    if (taken == ChunkedBody::Taken::REFUSED) return std::nullopt;
    if (taken == ChunkedBody::Taken::DONE) {
      result.rest = bytes.substr(done);
      return result;
    }
    if (given == bytes.size()) return std::nullopt;
  }
}

TEST_CASE("a chunked body is taken apart wherever it is cut") {
  const std::string bytes = "5\r\nhello\r\n1;a=b\r\n \r\n0000a\r\nworld12345\r\n0\r\nX-Trailer: y\r\n\r\nGET";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    auto result = decode(bytes, step);
    REQUIRE(result);
    CHECK(result->payload == "hello world12345");
    // The body ends where it ends, however much came with it.
    CHECK(bytes.substr(bytes.size() - result->rest.size()) == result->rest);
    CHECK(result->rest == "GET");
  }
}

TEST_CASE("a chunked body that is none is refused") {
  struct Case {
    const char* what;
    std::string bytes;
  };
  const Case cases[] = {
      {"no digits", "z\r\n"},
      {"an empty size", "\r\nhello\r\n"},
      {"a blank first", " 5\r\nhello\r\n0\r\n\r\n"},
      {"a sign", "+5\r\nhello\r\n0\r\n\r\n"},
      {"a minus", "-5\r\nhello\r\n0\r\n\r\n"},
      {"0x", "0x5\r\nhello\r\n0\r\n\r\n"},
      {"a size over 64 bits", "1FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"},
      {"endless zeros", std::string(CHUNK_DIGITS_MAX, '0') + "5\r\nhello\r\n0\r\n\r\n"},
      {"a line that ends with LF alone", "5\nhello\r\n0\r\n\r\n"},
      {"a bare CR in a line", "5\r;a\r\nhello\r\n0\r\n\r\n"},
      {"data longer than said", "5\r\nhello!\r\n0\r\n\r\n"},
      {"data shorter than said", "5\r\nhell\r\n0\r\n\r\n"},
      {"data that ends with LF alone", "5\r\nhello\n0\r\n\r\n"},
      {"a blank after the size", "5 \r\nhello\r\n0\r\n\r\n"},
      {"an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"},
      {"a control byte in an extension", "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n"},
      {"a LF in an extension", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"},
      {"a CR in an extension", "5;a=\"\rb\"\r\nhello\r\n0\r\n\r\n"},
      {"an overlong extension", "5;a=" + std::string(CHUNK_LINE_MAX + 100, 'b') + "\r\nhello\r\n0\r\n\r\n"},
      {"overlong trailers", "0\r\nA: " + std::string(CHUNK_LINE_MAX + 100, 'b') + "\r\n\r\n"},
      {"obs-fold in trailers", "0\r\nA: b\r\n c\r\n\r\n"},
      {"a fold at the start of trailers", "0\r\n A: b\r\n\r\n"},
      {"a space before a trailer's colon", "0\r\nA : b\r\n\r\n"},
      {"a length in trailers", "0\r\nContent-Length: 5\r\n\r\n"},
      {"a transfer encoding in trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"a NUL in trailers", "0\r\nA: " + std::string(1, '\0') + "\r\n\r\n"},
  };
  for (const auto& each: cases) {
    for (size_t step: {size_t(1), size_t(3), each.bytes.size()}) {
      INFO(each.what << ", in steps of " << step);
      CHECK_FALSE(decode(each.bytes, step));
    }
  }
}

TEST_CASE("a size line is refused before its end when it cannot become one") {
  for (std::string start: {"x", "G", "\n", "5\n", "0x", "5-", "5\r\nhelloX", "00000000000000000"}) {
    ChunkedBody body;
    std::vector<std::string_view> payload;
    size_t consumed = 0;
    INFO(start);
    CHECK(body.take(start, payload, consumed) == ChunkedBody::Taken::REFUSED);
  }
}

TEST_CASE("a body has begun with its first size line") {
  ChunkedBody body;
  std::vector<std::string_view> payload;
  size_t consumed = 0;
  CHECK(body.take("5", payload, consumed) == ChunkedBody::Taken::MORE);
  CHECK_FALSE(body.begun());
  CHECK(body.take("5\r\n", payload, consumed) == ChunkedBody::Taken::MORE);
  CHECK(body.begun());
}

}  // namespace
}  // namespace meridian::http
