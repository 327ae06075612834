// The keys of actors' rows in a store. An actor has a number, unique in its store for ever, so that its rows have short keys
// whatever its name is:
//
//   N kind 0 name              -> number          every actor that has ever written
//   S number key               -> value           its storage
//   a number                   -> AlarmRow        its alarm
//   A at number                -> kind 0 name     the same alarm, in the order of time
//
// Numbers are big-endian, 8 bytes, so that keys sort as they count.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/actor/address.h"
#include "runtime/base/units.h"

namespace meridian::actor {

using ActorNumber = Strong<struct ActorNumberTag, uint64_t>;

inline constexpr size_t ACTOR_KIND_MAX = 40;    // bytes
inline constexpr size_t ACTOR_NAME_MAX = 400;   // bytes

struct AlarmRow {
  Instant at;
  uint32_t tries;     // failed ones
};

struct DueAlarm {
  Instant at;
  Address address;
};

std::string nameKey(const Address& address);
std::string namePrefix(std::string_view kind);
std::string allNamesPrefix();
Address nameKeyAddress(std::string_view key);
std::string storageKey(ActorNumber actor, std::string_view key);
std::string alarmKey(ActorNumber actor);
std::string alarmIndexKey(Instant at, ActorNumber actor);
std::string alarmIndexPrefix();

std::string encodeNumber(ActorNumber actor);
ActorNumber decodeNumber(std::string_view bytes);
std::string encodeAddress(const Address& address);
Address decodeAddress(std::string_view bytes);
std::string encodeAlarm(const AlarmRow& alarm);
AlarmRow decodeAlarm(std::string_view bytes);
Instant alarmIndexTime(std::string_view key);
ActorNumber alarmIndexActor(std::string_view key);

// What lies under this key, for whoever reads of it: "its key balance".
std::string describeKey(std::string_view key);

}  // namespace meridian::actor
