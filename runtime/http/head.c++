#include "runtime/http/head.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>

#include "runtime/http/gateway-limits.h"

namespace meridian::http {

namespace {

namespace beast = boost::beast;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

// `_` counts as `-`: CGI and WSGI containers cannot tell the two apart, so `X_Forwarded_For` is a forgery too.
bool startsWithName(std::string_view name, std::string_view prefix) {
  if (name.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    char c = name[i] == '_' ? '-' : lower(name[i]);
    if (c != prefix[i]) return false;
  }
  return true;
}

bool isName(std::string_view name, std::string_view expected) {
  return name.size() == expected.size() && startsWithName(name, expected);
}

FieldRole roleOf(beast::http::field known, std::string_view name) {
  using beast::http::field;
  switch (known) {
    case field::host: return FieldRole::HOST;
    case field::connection: return FieldRole::CONNECTION;
    case field::content_length: return FieldRole::CONTENT_LENGTH;
    case field::transfer_encoding: return FieldRole::TRANSFER_ENCODING;
    case field::expect: return FieldRole::EXPECT;
    case field::upgrade: return FieldRole::UPGRADE;
    case field::keep_alive:
    case field::te:
    case field::trailer: return FieldRole::HOP_BY_HOP;
    default: break;
  }
  switch (lower(name[0])) {
    case 'p':
      if (startsWithName(name, "proxy-")) return FieldRole::HOP_BY_HOP;
      break;
    case 'f':
      if (isName(name, "forwarded")) return FieldRole::FORWARDED;
      break;
    case 'x':
      if (startsWithName(name, "x-forwarded-") || isName(name, "x-real-ip")) return FieldRole::FORWARDED;
      break;
  }
  return FieldRole::END_TO_END;
}

// Collects what Beast found in one head. The body callbacks are never reached: only the head is put in.
template <bool isRequest>
class HeadParser final: public beast::http::basic_parser<isRequest> {
 public:
  HeadParser() {
    this->header_limit(HEAD_MAX);
    this->body_limit(boost::none);
    fields.reserve(16);
  }

  std::string_view method;
  std::string_view target;
  std::string_view reason;
  int status = 0;
  int version = 0;
  std::vector<Field> fields;

 private:
  using ErrorCode = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view methodText, beast::string_view targetText, int httpVersion,
                       ErrorCode&) override {
    method = view(methodText);
    target = view(targetText);
    version = httpVersion;
  }
  void on_response_impl(int code, beast::string_view reasonText, int httpVersion, ErrorCode&) override {
    status = code;
    reason = view(reasonText);
    version = httpVersion;
  }
  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value, ErrorCode&) override {
    fields.push_back({roleOf(field, view(name)), view(name), view(value)});
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(beast::string_view, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(uint64_t, beast::string_view, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, beast::string_view, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}
};

// What the fields of a head say together. Each of the three framing fields may occur once, with a value that needs no
// thought.
struct FieldSummary {
  std::optional<uint64_t> length;
  bool chunked = false;
  size_t hosts = 0;
  std::string_view host;
  bool close = false;
  bool connectionUpgrade = false;
  bool upgradesToWebSocket = false;
  bool expectsContinue = false;
};

std::optional<uint64_t> parseLength(std::string_view text) {
  if (text.empty() || text.size() > LENGTH_DIGITS_MAX) return std::nullopt;
  uint64_t value = 0;
  for (char c: text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::variant<FieldSummary, HeadRefusal> summarise(const std::vector<Field>& fields, Version version) {
  auto refuse = [](std::string message) { return HeadRefusal{400, "bad-framing", std::move(message)}; };
  if (fields.size() > FIELDS_MAX) {
    return HeadRefusal{431, "head-too-large",
                       "the head has " + std::to_string(fields.size()) + " fields; at most " +
                           std::to_string(FIELDS_MAX) + " are allowed"};
  }
  FieldSummary summary;
  for (const auto& field: fields) {
    switch (field.role) {
      case FieldRole::HOST:
        ++summary.hosts;
        summary.host = field.value;
        break;
      case FieldRole::CONTENT_LENGTH:
        if (summary.length) return refuse("Content-Length is given more than once");
        summary.length = parseLength(field.value);
        if (!summary.length) return refuse("Content-Length is not one decimal number");
        break;
      case FieldRole::TRANSFER_ENCODING:
        if (summary.chunked) return refuse("Transfer-Encoding is given more than once");
        if (!equalsIgnoringCase(field.value, "chunked"))
          return refuse("Transfer-Encoding is not `chunked`, the only one allowed");
        if (version == Version::HTTP_1_0) return refuse("Transfer-Encoding does not exist in HTTP/1.0");
        summary.chunked = true;
        break;
      case FieldRole::CONNECTION:
        forEachElement(field.value, [&](std::string_view option) {
          summary.close |= equalsIgnoringCase(option, "close");
          summary.connectionUpgrade |= equalsIgnoringCase(option, "upgrade");
        });
        break;
      case FieldRole::UPGRADE:
        forEachElement(field.value, [&](std::string_view protocol) {
          summary.upgradesToWebSocket |= equalsIgnoringCase(protocol, "websocket");
        });
        break;
      case FieldRole::EXPECT: summary.expectsContinue |= equalsIgnoringCase(field.value, "100-continue"); break;
      case FieldRole::END_TO_END:
      case FieldRole::HOP_BY_HOP:
      case FieldRole::FORWARDED: break;
    }
  }
  if (summary.length && summary.chunked) return refuse("both Content-Length and Transfer-Encoding are given");
  return summary;
}

Version versionOf(int number) { return number == 11 ? Version::HTTP_1_1 : Version::HTTP_1_0; }

// The characters of a host and a port; neither user information nor lists.
bool isAuthority(std::string_view text) {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("-._~!$&'()*+;=:%[]").find(c) != std::string_view::npos;
  });
}

// A target in absolute-form is taken apart: its authority counts, and the Host field is ignored (RFC 9112, 3.2.2).
bool splitAbsoluteForm(RequestHead& head) {
  constexpr std::string_view SCHEME = "http://";
  if (head.target.size() < SCHEME.size() || !equalsIgnoringCase(head.target.substr(0, SCHEME.size()), SCHEME))
    return false;
  auto rest = head.target.substr(SCHEME.size());
  auto pathStart = std::min(rest.find_first_of("/?"), rest.size());
  head.host = rest.substr(0, pathStart);
  head.target = rest.substr(pathStart);
  if (head.target.empty()) head.target = "/";
  return isAuthority(head.host) && head.target[0] == '/';
}

std::optional<HeadRefusal> judgeTarget(RequestHead& head) {
  auto refuse = [](std::string message) { return HeadRefusal{400, "bad-target", std::move(message)}; };
  bool visible =
      std::all_of(head.target.begin(), head.target.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!visible) return refuse("the request target has a byte that is not visible ASCII, or a `#`");
  if (head.target[0] == '/') return std::nullopt;
  if (head.target == "*" && head.method == "OPTIONS") return std::nullopt;
  if (splitAbsoluteForm(head)) return std::nullopt;
  return refuse("the request target is neither a path nor of the form http://host/path");
}

HeadRefusal malformed(const beast::error_code& error) {
  if (error == beast::http::error::bad_version)
    return {400, "bad-head", "the version is neither HTTP/1.0 nor HTTP/1.1"};
  if (error == beast::http::error::bad_content_length || error == beast::http::error::multiple_content_length ||
      error == beast::http::error::bad_transfer_encoding) {
    return {400, "bad-framing", "the framing fields are malformed or contradict each other: " + error.message()};
  }
  return {400, "bad-head", "the head is malformed: " + error.message()};
}

// Puts the whole head into Beast's parser, which must take all of it.
template <bool isRequest>
std::optional<HeadRefusal> parseWhole(HeadParser<isRequest>& parser, std::string_view head) {
  beast::error_code error;
  size_t taken = parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error) return malformed(error);
  if (!parser.is_header_done() || taken != head.size()) return HeadRefusal{400, "bad-head", "the head is malformed"};
  return std::nullopt;
}

Framing framingOfResponse(int status, const FieldSummary& fields, AnswerTo request) {
  if (request == AnswerTo::HEAD || status < 200 || status == 204 || status == 304) return {};
  if (fields.chunked) return {Framing::Kind::CHUNKED};
  if (fields.length) return {Framing::Kind::LENGTH, *fields.length};
  return {Framing::Kind::UNTIL_CLOSE};
}

// Each byte's part in a head; a table, because every byte of every head passes here.
enum class ByteKind : uint8_t { TEXT, CR, LF, CONTROL };

constexpr std::array<ByteKind, 256> byteKinds() {
  std::array<ByteKind, 256> kinds{};
  for (size_t c = 0; c < 256; ++c) {
    bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    kinds[c] = c == '\r' ? ByteKind::CR : c == '\n' ? ByteKind::LF : control ? ByteKind::CONTROL : ByteKind::TEXT;
  }
  return kinds;
}

constexpr auto BYTE_KINDS = byteKinds();

}  // namespace

HeadScanner::Found HeadScanner::scan(std::string_view bytes) {
  for (; at_ < bytes.size(); ++at_) {
    char c = bytes[at_];
    bool afterCr = at_ > lineStart_ && bytes[at_ - 1] == '\r';
    switch (BYTE_KINDS[static_cast<uint8_t>(c)]) {
      case ByteKind::TEXT:
      case ByteKind::CR:
        if (afterCr) return refuse("a CR without LF");
        if (at_ == lineStart_ && at_ > 0 && (c == ' ' || c == '\t')) return refuse("a line that begins with a blank");
        break;
      case ByteKind::LF:
        if (!afterCr) return refuse("an LF without CR");
        if (at_ == lineStart_ + 1) {
          ++at_;
          return Found::END;
        }
        lineStart_ = at_ + 1;
        break;
      case ByteKind::CONTROL: return refuse("a control byte");
    }
  }
  return Found::MORE;
}

HeadScanner::Found HeadScanner::refuse(const char* problem) {
  problem_ = problem;
  return Found::REFUSED;
}

std::variant<RequestHead, HeadRefusal> parseRequestHead(std::string_view bytes) {
  HeadParser<true> parser;
  if (auto refusal = parseWhole(parser, bytes)) return *refusal;
  auto version = versionOf(parser.version);
  auto summary = summarise(parser.fields, version);
  if (auto* refusal = std::get_if<HeadRefusal>(&summary)) return *refusal;
  auto& fields = std::get<FieldSummary>(summary);

  if (fields.hosts != 1)
    return HeadRefusal{400, "bad-host",
                       fields.hosts == 0 ? "there is no Host field" : "there is more than one Host field"};
  if (!isAuthority(fields.host))
    return HeadRefusal{400, "bad-host", "the Host field is not a host with an optional port"};

  RequestHead head{.method = parser.method, .target = parser.target, .host = fields.host, .version = version};
  if (head.method == "CONNECT") return HeadRefusal{501, "not-implemented", "the method CONNECT is not supported"};
  if (auto refusal = judgeTarget(head)) return *refusal;
  if (fields.chunked) head.framing = {Framing::Kind::CHUNKED};
  if (fields.length) head.framing = {Framing::Kind::LENGTH, *fields.length};
  // Connections of HTTP/1.0 clients are never kept: a keep-alive that passed through an old proxy would hang (RFC 9112,
  // C.2.2).
  head.keepAlive = version == Version::HTTP_1_1 && !fields.close;
  head.expectsContinue = version == Version::HTTP_1_1 && fields.expectsContinue && head.framing.hasBody();
  head.wantsWebSocket = version == Version::HTTP_1_1 && fields.connectionUpgrade && fields.upgradesToWebSocket;
  head.fields = std::move(parser.fields);
  return head;
}

std::variant<ResponseHead, HeadRefusal> parseResponseHead(std::string_view bytes, AnswerTo request) {
  HeadParser<false> parser;
  if (auto refusal = parseWhole(parser, bytes)) return *refusal;
  auto version = versionOf(parser.version);
  auto summary = summarise(parser.fields, version);
  if (auto* refusal = std::get_if<HeadRefusal>(&summary)) return *refusal;
  auto& fields = std::get<FieldSummary>(summary);

  bool announcesBody = fields.chunked || fields.length.value_or(0) > 0;
  if (parser.status < 100) return HeadRefusal{400, "bad-head", "the status is below 100"};
  if (parser.status < 200 && announcesBody) return HeadRefusal{400, "bad-head", "an interim response with a body"};
  // The gateway never asks for an upgrade, so nothing may switch protocols.
  if (parser.status == 101) return HeadRefusal{400, "bad-head", "101 Switching Protocols without an upgrade asked for"};

  ResponseHead head{.status = parser.status, .reason = parser.reason, .version = version};
  head.framing = framingOfResponse(parser.status, fields, request);
  // A 204 that announces a body is passed without one, and nothing after it is believed.
  bool bodyAgainstTheRules = parser.status == 204 && announcesBody;
  head.keepAlive = version == Version::HTTP_1_1 && !fields.close && head.framing.kind != Framing::Kind::UNTIL_CLOSE &&
                   !bodyAgainstTheRules;
  head.fields = std::move(parser.fields);
  return head;
}

bool mayBeResponse(std::string_view bytes) {
  constexpr std::string_view START = "HTTP/1.";
  return START.starts_with(bytes.substr(0, START.size()));
}

bool equalsIgnoringCase(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace meridian::http
