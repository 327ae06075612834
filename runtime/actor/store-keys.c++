#include "runtime/actor/store-keys.h"

#include <kj/encoding.h>

#include "runtime/base/check.h"

namespace meridian::actor {

namespace {

void append64(std::string& bytes, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
}

uint64_t read64(std::string_view bytes) {
  check(bytes.size() >= 8, "a stored number has eight bytes");
  uint64_t value = 0;
  for (size_t i = 0; i < 8; i++) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

std::string nameKey(const Address& address) { return "N" + encodeAddress(address); }

std::string allNamesPrefix() { return "N"; }

Address nameKeyAddress(std::string_view key) { return decodeAddress(key.substr(1)); }

std::string namePrefix(std::string_view kind) {
  auto prefix = allNamesPrefix();
  prefix += kind;
  prefix.push_back('\0');
  return prefix;
}

std::string storageKey(ActorNumber actor, std::string_view key) {
  std::string full = "S";
  full.reserve(9 + key.size());
  append64(full, actor.value());
  full += key;
  return full;
}

std::string alarmKey(ActorNumber actor) { return "a" + encodeNumber(actor); }

std::string alarmIndexKey(Instant at, ActorNumber actor) {
  std::string key = alarmIndexPrefix();
  append64(key, static_cast<uint64_t>(toNs(at)));
  append64(key, actor.value());
  return key;
}

std::string alarmIndexPrefix() { return "A"; }

std::string encodeNumber(ActorNumber actor) {
  std::string bytes;
  append64(bytes, actor.value());
  return bytes;
}

ActorNumber decodeNumber(std::string_view bytes) { return ActorNumber(read64(bytes)); }

std::string encodeAddress(const Address& address) {
  std::string bytes = address.kind;
  bytes.push_back('\0');
  bytes += address.name;
  return bytes;
}

Address decodeAddress(std::string_view bytes) {
  size_t end = bytes.find('\0');
  check(end != std::string_view::npos, "a stored address has a kind and a name");
  return {std::string(bytes.substr(0, end)), std::string(bytes.substr(end + 1))};
}

std::string encodeAlarm(const AlarmRow& alarm) {
  std::string bytes;
  append64(bytes, static_cast<uint64_t>(toNs(alarm.at)));
  append64(bytes, alarm.tries);
  return bytes;
}

AlarmRow decodeAlarm(std::string_view bytes) {
  check(bytes.size() == 16, "a stored alarm has sixteen bytes");
  uint64_t tries = read64(bytes.substr(8));
  check(tries <= UINT32_MAX, "a stored alarm has been tried fewer than 2^32 times");
  return {instantFromNs(static_cast<int64_t>(read64(bytes))), static_cast<uint32_t>(tries)};
}

Instant alarmIndexTime(std::string_view key) {
  return instantFromNs(static_cast<int64_t>(read64(key.substr(1))));
}

ActorNumber alarmIndexActor(std::string_view key) { return ActorNumber(read64(key.substr(9))); }

std::string describeKey(std::string_view key) {
  switch (key.empty() ? '\0' : key[0]) {
    case 'N': return "its number";
    case 'a': return "its alarm";
    case 'A': return "its alarm in the order of time";
    case 'S':
      if (key.size() >= 9) return "its key " + std::string(kj::encodeCEscape(kj::arrayPtr(key.data() + 9, key.size() - 9)).cStr());
      break;
    default: break;
  }
  return std::string("the row ") + kj::encodeCEscape(kj::arrayPtr(key.data(), key.size())).cStr();
}

}  // namespace meridian::actor
