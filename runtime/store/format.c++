#include "runtime/store/format.h"

#include <kj/debug.h>
#include <zlib.h>

#include <boost/endian/conversion.hpp>
#include <cstring>

#include "runtime/base/check.h"

namespace meridian::store {

namespace {

template <typename T>
void append(std::string& bytes, T number) {
  boost::endian::native_to_little_inplace(number);
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename T>
T take(std::string_view& bytes) {
  T number;
  memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return boost::endian::little_to_native(number);
}

uint32_t checksum(std::string_view key, std::string_view value) {
  auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(key.data()), key.size());
  // A null buffer would start anew.
  if (value.empty()) return crc;
  return crc32_z(crc, reinterpret_cast<const Bytef*>(value.data()), value.size());
}

}  // namespace

void seal(std::span<char> room, std::string_view key, std::string_view value) {
  check(room.size() == sealedSize(value.size()), "the room for a sealed value has its size");
  if (!value.empty()) memcpy(room.data(), value.data(), value.size());
  uint32_t crc = boost::endian::native_to_little(checksum(key, value));
  memcpy(room.data() + value.size(), &crc, sizeof crc);
}

env::Row open(std::string_view key, std::string_view sealed) {
  if (sealed.size() < sizeof(uint32_t)) return {key, {}, env::Row::Value::DAMAGED};
  std::string_view value = sealed.substr(0, sealed.size() - sizeof(uint32_t));
  std::string_view trailer = sealed.substr(value.size());
  bool isWhole = take<uint32_t>(trailer) == checksum(key, value);
  return {key, value, isWhole ? env::Row::Value::WHOLE : env::Row::Value::DAMAGED};
}

std::string_view unseal(std::string_view key, std::string_view sealed) { return open(key, sealed).value(); }

std::string encode(const Meta& meta) {
  std::string bytes;
  append(bytes, meta.format);
  append(bytes, meta.term);
  append(bytes, meta.lsn);
  return bytes;
}

Meta decodeMeta(std::string_view bytes, kj::StringPtr file) {
  KJ_REQUIRE(bytes.size() >= sizeof(uint32_t), "a store's meta record is too short", file, bytes.size());
  Meta meta;
  meta.format = take<uint32_t>(bytes);
  KJ_REQUIRE(meta.format <= FORMAT, "the store was written by a newer build, in a format that this one cannot read", file,
             meta.format, FORMAT);
  KJ_REQUIRE(bytes.size() == 2 * sizeof(uint64_t), "a store's meta record has the wrong size", file, bytes.size());
  meta.term = take<uint64_t>(bytes);
  meta.lsn = take<uint64_t>(bytes);
  return meta;
}

JournalKey journalKey(uint64_t number) {
  JournalKey key;
  boost::endian::native_to_big_inplace(number);
  memcpy(key.data(), &number, sizeof number);
  return key;
}

uint64_t journalNumber(std::string_view key) {
  KJ_REQUIRE(key.size() == sizeof(uint64_t), "a journal key has the wrong size", key.size());
  uint64_t number;
  memcpy(&number, key.data(), sizeof number);
  return boost::endian::big_to_native(number);
}

uint64_t journalNumber(uint64_t lsn, size_t index) {
  check(index < env::Store::JOURNAL_SET_MAX, "a write set's journal entries have one-byte numbers");
  return lsn * env::Store::JOURNAL_SET_MAX + index;
}

}  // namespace meridian::store
