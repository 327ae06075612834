#include "tests/fuzz/reference-parser.h"

#include <cstdint>
#include <optional>

namespace meridian::fuzz {

namespace {

constexpr size_t HEAD_MAX = 64 << 10;
constexpr size_t FIELDS_MAX = 256;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (auto& c: out) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return out;
}

bool isDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool isToken(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
             std::string_view::npos;
}

bool hasControl(std::string_view text) {
  for (unsigned char c: text) {
    if ((c < 0x20 && c != '\t') || c == 0x7f) return true;
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes bytes from the front.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes): rest_(bytes) {}

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

  std::string_view take(size_t count) {
    auto taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  bool skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  // A line without its CRLF; nothing when there is none or it holds a control byte.
  std::optional<std::string_view> line() {
    auto end = rest_.find("\r\n");
    if (end == std::string_view::npos || hasControl(rest_.substr(0, end))) return std::nullopt;
    auto taken = take(end);
    take(2);
    return taken;
  }

 private:
  std::string_view rest_;
};

// Lines up to the empty one; nothing when they are invalid or cut.
std::optional<std::vector<std::pair<std::string, std::string>>> readFields(Cursor& cursor) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (;;) {
    auto line = cursor.line();
    if (!line) return std::nullopt;
    if (line->empty()) return fields;
    auto colon = line->find(':');
    if (colon == std::string_view::npos || !isToken(line->substr(0, colon))) return std::nullopt;
    fields.emplace_back(lowered(line->substr(0, colon)), trimmed(line->substr(colon + 1)));
  }
}

std::optional<Message> readHead(Cursor& cursor) {
  auto start = cursor;
  Message message;
  auto line = cursor.line();
  if (!line || line->empty()) return std::nullopt;
  message.start = *line;
  auto fields = readFields(cursor);
  if (!fields || fields->size() > FIELDS_MAX || start.rest().size() - cursor.rest().size() > HEAD_MAX)
    return std::nullopt;
  message.fields = *fields;
  return message;
}

bool framingIsClear(const Message& message, bool http11) {
  auto lengths = message.count("content-length"), encodings = message.count("transfer-encoding");
  if (lengths + encodings > 1) return false;
  if (lengths == 1 && (!isDigits(message.get("content-length")) || message.get("content-length").size() > 19))
    return false;
  if (encodings == 1 && (!http11 || lowered(message.get("transfer-encoding")) != "chunked")) return false;
  return true;
}

void takeLength(Cursor& cursor, uint64_t length, Message& message) {
  message.body = cursor.take(length < cursor.rest().size() ? length : cursor.rest().size());
  message.complete = message.body.size() == length;
}

bool isExtension(std::string_view text) { return text.empty() || text[0] == ';' || text[0] == ' ' || text[0] == '\t'; }

// How a chunked body starts: with a valid size line (and, for a last chunk, valid trailers), with an invalid one, or it
// is cut before that can be said.
enum class Start { VALID, INVALID, CUT };

Start takeChunked(Cursor& cursor, Message& message) {
  auto start = Start::INVALID;
  auto unreadable = [&](std::string_view bytes, std::string_view end) {
    bool cut = bytes.find(end) == std::string_view::npos;
    return start == Start::VALID ? start : cut ? Start::CUT : Start::INVALID;
  };
  for (;;) {
    auto before = cursor.rest();
    auto line = cursor.line();
    if (!line) return unreadable(before, "\r\n");
    auto digits = line->substr(0, line->find_first_not_of("0123456789abcdefABCDEF"));
    if (digits.empty() || digits.size() > 16 || !isExtension(line->substr(digits.size()))) return start;
    auto size = std::stoull(std::string(digits), nullptr, 16);
    if (size == 0) {
      auto trailers = readFields(cursor);
      if (!trailers) return unreadable(before, "\r\n\r\n");
      for (const auto& [name, value]: *trailers) {
        if (name == "content-length" || name == "transfer-encoding") return start;
      }
      message.complete = true;
      return Start::VALID;
    }
    start = Start::VALID;
    auto data = cursor.take(size < cursor.rest().size() ? size : cursor.rest().size());
    message.body += data;
    if (data.size() < size || !cursor.skip("\r\n")) return start;
  }
}

bool isHost(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("-._~!$&'()*+;=:%[]0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
             std::string_view::npos;
}

bool isTarget(std::string_view method, std::string_view target) {
  for (unsigned char c: target) {
    if (c <= 0x20 || c >= 0x7f || c == '#') return false;
  }
  if (target == "*") return method == "OPTIONS";
  if (target.starts_with("/")) return true;
  if (lowered(target.substr(0, 7)) != "http://") return false;
  auto authority = target.substr(7, target.substr(7).find_first_of("/?"));
  auto path = target.substr(7 + authority.size());
  return isHost(authority) && (path.empty() || path[0] == '/');
}

// The version, or nothing when the request line is none.
std::optional<bool> requestIsHttp11(std::string_view line) {
  auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  auto method = line.substr(0, first), target = line.substr(first + 1, last - first - 1),
       version = line.substr(last + 1);
  if (!isToken(method) || method == "CONNECT" || !isTarget(method, target)) return std::nullopt;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  return version == "HTTP/1.1";
}

std::optional<bool> responseIsHttp11(std::string_view line) {
  bool http11 = line.starts_with("HTTP/1.1 ");
  if (!http11 && !line.starts_with("HTTP/1.0 ")) return std::nullopt;
  if (line.size() < 13 || !isDigits(line.substr(9, 3)) || line[12] != ' ' || line[9] == '0') return std::nullopt;
  return http11;
}

}  // namespace

size_t Message::count(std::string_view name) const {
  size_t found = 0;
  for (const auto& field: fields) found += field.first == name;
  return found;
}

std::string Message::get(std::string_view name) const {
  for (const auto& field: fields) {
    if (field.first == name) return field.second;
  }
  return "";
}

std::string Message::target() const {
  auto first = start.find(' '), last = start.rfind(' ');
  auto target = start.substr(first + 1, last - first - 1);
  if (lowered(target.substr(0, 7)) != "http://") return target;
  auto path = target.find('/', 7);
  return path == std::string::npos ? "/" : target.substr(path);
}

int Message::status() const { return std::stoi(start.substr(9, 3)); }

Reading readRequests(std::string_view bytes) {
  std::vector<Message> requests;
  Cursor cursor(bytes);
  auto rest = bytes;
  while (!cursor.empty()) {
    if (!requests.empty()) cursor.skip("\r\n");
    auto head = readHead(cursor);
    if (!head) break;
    auto http11 = requestIsHttp11(head->start);
    if (!http11 || head->count("host") != 1 || !isHost(head->get("host")) || !framingIsClear(*head, *http11)) break;
    auto start = Start::VALID;
    if (head->count("transfer-encoding")) {
      start = takeChunked(cursor, *head);
    } else if (head->count("content-length")) {
      takeLength(cursor, std::stoull(head->get("content-length")), *head);
    } else {
      head->complete = true;
    }
    if (start == Start::INVALID) break;
    requests.push_back(*head);
    rest = head->complete ? cursor.rest() : std::string_view();
    if (!head->complete) break;
  }
  return {requests, rest};
}

Reading readResponses(std::string_view bytes, const std::vector<std::string>& methods, Ends ends) {
  std::vector<Message> responses;
  Cursor cursor(bytes);
  auto rest = bytes;
  while (responses.size() < methods.size() && !cursor.empty()) {
    auto head = readHead(cursor);
    if (!head) break;
    auto http11 = responseIsHttp11(head->start);
    if (!http11 || !framingIsClear(*head, *http11)) break;
    auto status = head->status();
    bool announced = head->count("transfer-encoding") ||
                     (head->count("content-length") && std::stoull(head->get("content-length")) > 0);
    if (status < 200) {
      if (status == 101 || announced) break;
      rest = cursor.rest();
      continue;
    }
    if (methods[responses.size()] == "HEAD" || status == 204 || status == 304) {
      head->complete = true;
    } else if (head->count("transfer-encoding")) {
      takeChunked(cursor, *head);
    } else if (head->count("content-length")) {
      takeLength(cursor, std::stoull(head->get("content-length")), *head);
    } else {
      head->body = cursor.take(cursor.rest().size());
      head->complete = ends == Ends::CONNECTION;
    }
    responses.push_back(*head);
    rest = head->complete ? cursor.rest() : std::string_view();
    if (!head->complete) break;
  }
  return {responses, rest};
}

}  // namespace meridian::fuzz
