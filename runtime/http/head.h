// Heads of HTTP/1 messages, in both directions: a client's request and a container's answer are equally hostile. A head
// is first scanned as its bytes arrive, then parsed as a whole by Boost.Beast's parser, then judged by checks of our
// own, which refuse what Beast lets through. What passes has exactly one meaning: its framing is one of four, and never
// a guess.
//
// Views point into the bytes that were parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meridian::http {

// Finds the end of a head while its bytes arrive, and refuses at once what no head may hold: control bytes and NUL, a
// bare CR or LF, and lines that begin with a blank (obs-fold).
class HeadScanner {
 public:
  enum class Found { MORE, END, REFUSED };

  // `bytes` are those of the last call, grown at the end.
  Found scan(std::string_view bytes);

  // Of the head with its empty line; after END.
  size_t end() const { return at_; }

  // What is wrong, in a few words; after REFUSED.
  const char* problem() const { return problem_; }

 private:
  Found refuse(const char* problem);

  size_t at_ = 0;
  size_t lineStart_ = 0;
  const char* problem_ = nullptr;
};

enum class Version { HTTP_1_0, HTTP_1_1 };

struct Framing {
  enum class Kind { NONE, LENGTH, CHUNKED, UNTIL_CLOSE };
  Kind kind = Kind::NONE;
  uint64_t length = 0;  // of LENGTH

  bool hasBody() const { return kind != Kind::NONE && !(kind == Kind::LENGTH && length == 0); }
};

// What a field means to a gateway.
enum class FieldRole {
  END_TO_END,  // passes
  HOST,
  CONNECTION,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  EXPECT,
  UPGRADE,
  HOP_BY_HOP,  // Keep-Alive, TE, Trailer, Proxy-*: for the next hop only
  FORWARDED,   // X-Forwarded-*, Forwarded, X-Real-IP: only the gateway says these
};

struct Field {
  FieldRole role;
  std::string_view name;
  std::string_view value;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;  // origin-form, or "*"
  std::string_view host;    // of the absolute-form target where the client sent one, else of Host
  Version version;
  std::vector<Field> fields;  // in the order sent
  Framing framing;
  bool keepAlive;
  bool expectsContinue;
  bool wantsWebSocket;
};

struct ResponseHead {
  int status;
  std::string_view reason;
  Version version;
  std::vector<Field> fields;
  Framing framing;
  bool keepAlive;
};

// Why a head is refused. `status` and `code` are what a client is told; a container's head is always a 502.
struct HeadRefusal {
  int status;
  const char* code;
  std::string message;
};

// `head` is what HeadScanner found, from its first line to its empty line.
std::variant<RequestHead, HeadRefusal> parseRequestHead(std::string_view head);

// The framing of a response depends on the request it answers.
enum class AnswerTo { HEAD, OTHER };
std::variant<ResponseHead, HeadRefusal> parseResponseHead(std::string_view head, AnswerTo request);

// Whether these first bytes can become a response: what speaks another protocol may never send an empty line.
bool mayBeResponse(std::string_view bytes);

// Calls visit(element) for each non-empty element of a comma-separated list.
template <typename Visit>
void forEachElement(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    auto comma = list.find(',');
    auto element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    auto first = element.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    visit(element.substr(first, element.find_last_not_of(" \t") - first + 1));
  }
}

// ASCII only.
bool equalsIgnoringCase(std::string_view left, std::string_view right);

}  // namespace meridian::http
