// A second opinion on HTTP/1 messages, for fuzzing: a slow, strict reader that shares no code with the gateway. It says
// which messages a stream of bytes holds, and stops at the first that has no single meaning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meridian::fuzz {

struct Message {
  std::string start;                                        // the first line
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;                                         // decoded; as much as is valid
  bool complete = false;

  size_t count(std::string_view name) const;
  std::string get(std::string_view name) const;  // the first; "" when there is none
  std::string method() const { return start.substr(0, start.find(' ')); }
  std::string target() const;
  int status() const;
};

struct Reading {
  std::vector<Message> messages;
  std::string_view rest;  // from the first byte that belongs to none of them
};

// Every request of the stream up to the first invalid one. A request whose body turns out invalid, or is cut, is the
// last and not complete; it is left out when its body is chunked and the first size line is there and invalid.
Reading readRequests(std::string_view bytes);

// The responses to requests with these methods, interim ones left out. The last may be incomplete; `methods` may be
// longer. `Ends` says what the end of the bytes is: that of the connection, or only of what came so far.
enum class Ends { CONNECTION, SO_FAR };
Reading readResponses(std::string_view bytes, const std::vector<std::string>& methods, Ends ends);

// Whether this can be the start of a head that was cut: there is no end of a head in it.
inline bool mayBeCutHead(std::string_view bytes) { return bytes.find("\r\n\r\n") == std::string_view::npos; }

}  // namespace meridian::fuzz
