#include "runtime/http/chunked-body.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

#include "runtime/base/check.h"
#include "runtime/http/gateway-limits.h"
#include "runtime/http/head.h"

namespace meridian::http {

namespace {

namespace beast = boost::beast;

bool isHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

// Beast's parser, past a head that announces a chunked body.
class ChunkedBody::Decoder final: public beast::http::basic_parser<true> {
 public:
  Decoder() {
    constexpr std::string_view HEAD = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    header_limit(CHUNK_LINE_MAX);
    body_limit(boost::none);
    beast::error_code error;
    put(boost::asio::const_buffer(HEAD.data(), HEAD.size()), error);
    check(!error && is_header_done(), "the parser stands before a chunked body");
  }

  bool begun = false;

  Taken take(std::string_view bytes, std::vector<std::string_view>& payload, size_t& consumed) {
    payload_ = &payload;
    while (!is_done()) {
      auto rest = bytes.substr(consumed);
      if (!inChunk_ && !linesMayBeRight(rest)) return Taken::REFUSED;
      if (lastChunkTooShort(rest)) return Taken::MORE;
      beast::error_code error;
      size_t taken = put(boost::asio::const_buffer(rest.data(), rest.size()), error);
      consumed += taken;
      if (error == beast::http::error::need_more || (!error && taken == 0 && !is_done())) {
        return Taken::MORE;
      }
      if (error) return Taken::REFUSED;
    }
    return Taken::DONE;
  }

 private:
  using ErrorCode = beast::error_code;

  // The line end after a chunk's data counts to the next line.
  std::string_view expectedLineEnd() const { return begun ? "\r\n" : ""; }

  // What is there of a size line (of the last one: with the trailers), which may be cut anywhere, is as it must be:
  // what cannot become right is refused before its end. Beast alone takes any number of zeros, and control bytes within
  // quotes.
  bool linesMayBeRight(std::string_view rest) const {
    auto lineEnd = expectedLineEnd();
    auto common = std::min(rest.size(), lineEnd.size());
    if (rest.substr(0, common) != lineEnd.substr(0, common)) return false;
    auto lines = rest.substr(common);
    size_t digits = std::find_if_not(lines.begin(), lines.end(), isHexDigit) - lines.begin();
    if (digits > CHUNK_DIGITS_MAX || (digits == 0 && !lines.empty())) return false;
    if (digits < lines.size() && std::string_view("\r; \t").find(lines[digits]) == std::string_view::npos) return false;

    bool last = lines.substr(0, digits).find_first_not_of('0') == std::string_view::npos;
    if (!last) lines = lines.substr(0, std::min(lines.find('\n'), lines.size() - 1) + 1);
    HeadScanner scanner;
    auto found = scanner.scan(lines);
    return found != HeadScanner::Found::REFUSED && (last ? scanner.end() : lines.size()) <= CHUNK_LINE_MAX;
  }

  // Beast asserts that it sees a first chunk which is the last one again with at least the bytes of "0\r\n\r\n".
  bool lastChunkTooShort(std::string_view rest) const { return !begun && rest.starts_with('0') && rest.size() < 5; }

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, ErrorCode&) override {}
  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
  void on_field_impl(beast::http::field, beast::string_view, beast::string_view, ErrorCode&) override {}
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(beast::string_view, ErrorCode&) override { return 0; }

  void on_chunk_header_impl(uint64_t size, beast::string_view, ErrorCode&) override {
    begun = true;
    inChunk_ = size > 0;
  }

  size_t on_chunk_body_impl(uint64_t remaining, beast::string_view body, ErrorCode&) override {
    if (!body.empty()) payload_->push_back({body.data(), body.size()});
    if (body.size() == remaining) inChunk_ = false;
    return body.size();
  }

  void on_finish_impl(ErrorCode&) override {}

  std::vector<std::string_view>* payload_ = nullptr;
  bool inChunk_ = false;
};

ChunkedBody::ChunkedBody(): decoder_(kj::heap<Decoder>()) {}
ChunkedBody::~ChunkedBody() noexcept(false) = default;

ChunkedBody::Taken ChunkedBody::take(std::string_view bytes, std::vector<std::string_view>& payload, size_t& consumed) {
  return decoder_->take(bytes, payload, consumed);
}

bool ChunkedBody::begun() const { return decoder_->begun; }

}  // namespace meridian::http
