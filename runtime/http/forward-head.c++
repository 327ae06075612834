#include "runtime/http/forward-head.h"

#include <algorithm>
#include <vector>

namespace meridian::http {

namespace {

// Fields that a Connection field names are for this hop too. Names that mean nothing else there are left out, so that
// the list is empty for nearly all messages. Framing, Host and what the gateway adds cannot be named away: they are not
// END_TO_END here.
std::vector<std::string_view> namedByConnection(const std::vector<Field>& fields) {
  std::vector<std::string_view> named;
  for (const auto& field: fields) {
    if (field.role != FieldRole::CONNECTION) continue;
    forEachElement(field.value, [&](std::string_view option) {
      if (!equalsIgnoringCase(option, "close") && !equalsIgnoringCase(option, "keep-alive")) named.push_back(option);
    });
  }
  return named;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view each) { return equalsIgnoringCase(each, name); });
}

void append(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

size_t sizeOf(const std::vector<Field>& fields) {
  size_t size = 0;
  for (const auto& field: fields) size += field.name.size() + field.value.size() + 4;
  return size;
}

// Room for the start line and what is added.
constexpr size_t ADDED = 256;

}  // namespace

std::string forwardedRequest(const RequestHead& head, std::string_view peer) {
  auto named = namedByConnection(head.fields);
  std::string out;
  out.reserve(sizeOf(head.fields) + head.target.size() + 2 * head.host.size() + ADDED);
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  for (const auto& field: head.fields) {
    switch (field.role) {
      case FieldRole::HOST: append(out, field.name, head.host); break;
      case FieldRole::CONTENT_LENGTH:
      case FieldRole::TRANSFER_ENCODING: append(out, field.name, field.value); break;
      case FieldRole::EXPECT:
        // Of an HTTP/1.0 client, or without a body, 100-continue is to be ignored.
        if (head.expectsContinue || !equalsIgnoringCase(field.value, "100-continue"))
          append(out, field.name, field.value);
        break;
      case FieldRole::END_TO_END:
        if (!contains(named, field.name)) append(out, field.name, field.value);
        break;
      case FieldRole::CONNECTION:
      case FieldRole::UPGRADE:
      case FieldRole::HOP_BY_HOP:
      case FieldRole::FORWARDED: break;
    }
  }
  append(out, "X-Forwarded-For", peer);
  append(out, "X-Forwarded-Proto", "http");
  append(out, "X-Forwarded-Host", head.host);
  out.append("\r\n");
  return out;
}

namespace {

std::string responseWithFields(const ResponseHead& head, bool withLength) {
  auto named = namedByConnection(head.fields);
  std::string out;
  out.reserve(sizeOf(head.fields) + head.reason.size() + ADDED);
  out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ").append(head.reason).append("\r\n");
  for (const auto& field: head.fields) {
    switch (field.role) {
      case FieldRole::CONTENT_LENGTH:
        if (withLength) append(out, field.name, field.value);
        break;
      // In a response these are ordinary fields.
      case FieldRole::HOST:
      case FieldRole::EXPECT:
      case FieldRole::FORWARDED:
      case FieldRole::END_TO_END:
        if (!contains(named, field.name)) append(out, field.name, field.value);
        break;
      case FieldRole::TRANSFER_ENCODING:
      case FieldRole::CONNECTION:
      case FieldRole::UPGRADE:
      case FieldRole::HOP_BY_HOP: break;
    }
  }
  return out;
}

}  // namespace

std::string forwardedResponse(const ResponseHead& head, ClientFraming framing) {
  // A 204 has no length; a 304 and the answer to HEAD keep that of the answer they stand for.
  auto out = responseWithFields(head, head.status != 204);
  if (framing.chunked) append(out, "Transfer-Encoding", "chunked");
  if (framing.close) append(out, "Connection", "close");
  out.append("\r\n");
  return out;
}

std::string forwardedInterim(const ResponseHead& head) {
  auto out = responseWithFields(head, false);
  out.append("\r\n");
  return out;
}

}  // namespace meridian::http
