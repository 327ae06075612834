#include "runtime/actor/envelope.h"

#include <kj/debug.h>

#include <cstring>

namespace meridian::actor {

namespace {

constexpr size_t HEADER_BYTES = 4;

void appendVersion(std::string& bytes, uint16_t version) {
  bytes.push_back(static_cast<char>(version & 0xff));
  bytes.push_back(static_cast<char>(version >> 8));
}

uint16_t versionAt(std::string_view bytes, size_t offset) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[offset]) | static_cast<uint8_t>(bytes[offset + 1]) << 8);
}

}  // namespace

std::string seal(capnp::MessageBuilder& message, uint16_t minReader) {
  KJ_REQUIRE(minReader >= 1 && minReader <= RECORD_VERSION, "a build writes only records that it can read", minReader);
  auto words = capnp::messageToFlatArray(message);
  auto body = words.asChars();
  std::string bytes;
  bytes.reserve(HEADER_BYTES + body.size());
  appendVersion(bytes, RECORD_VERSION);
  appendVersion(bytes, minReader);
  bytes.append(body.begin(), body.size());
  return bytes;
}

OpenedRecord::OpenedRecord(uint16_t writerVersion, kj::Array<capnp::word> words)
    : writerVersion_(writerVersion), words_(kj::mv(words)), message_(words_) {}

kj::Own<OpenedRecord> open(std::string_view bytes) {
  KJ_REQUIRE(bytes.size() > HEADER_BYTES, "a stored record is shorter than its envelope", bytes.size());
  auto minReader = versionAt(bytes, 2);
  KJ_REQUIRE(minReader <= RECORD_VERSION, "a stored record needs a newer build of meridian", minReader, RECORD_VERSION);
  auto body = bytes.substr(HEADER_BYTES);
  KJ_REQUIRE(body.size() % sizeof(capnp::word) == 0, "a stored record does not end on a whole word", body.size());
  // The header leaves the words unaligned, so they are copied.
  auto words = kj::heapArray<capnp::word>(body.size() / sizeof(capnp::word));
  memcpy(words.begin(), body.data(), body.size());
  return kj::heap<OpenedRecord>(versionAt(bytes, 0), kj::mv(words));
}

}  // namespace meridian::actor
