// Storage: what one actor keeps. Reads see the durable store plus the actor's own writes that are not yet durable; writes go
// to the write set of the present turn and are committed together when the turn ends well. Use outside a turn of the actor is a
// failed check. Keys are at most KEY_MAX bytes, values at most VALUE_MAX; over it a kj::Exception FAILED names the bound.
#pragma once

#include <kj/array.h>
#include <kj/common.h>
#include <kj/debug.h>
#include <kj/string.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/units.h"

namespace meridian::actor {

class Storage {
 public:
  static constexpr size_t KEY_MAX = 400;
  static constexpr size_t VALUE_MAX = 1 << 20;
  static constexpr size_t TURN_BYTES_MAX = 16 << 20;   // keys and values written in one turn

  struct Entry {
    std::string key;
    std::string value;
  };

  struct Range {
    std::string prefix;
    std::string after;        // only keys above it
    size_t limit = SIZE_MAX;
  };

  virtual std::optional<std::string> getBytes(std::string_view key) = 0;
  virtual void putBytes(std::string_view key, std::string_view value) = 0;
  virtual void erase(std::string_view key) = 0;

  // In key order.
  virtual std::vector<Entry> list(const Range& range) = 0;

  // An actor has at most one alarm; setting it replaces it. It is part of the turn's write set.
  virtual std::optional<Instant> alarm() = 0;
  virtual void setAlarm(Instant at) = 0;
  virtual void clearAlarm() = 0;

  // Appends to the store's journal, in the same commit as the turn's writes.
  virtual void journal(std::string_view bytes) = 0;

  template <typename T>
  kj::Maybe<T> get(std::string_view key) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto bytes = getBytes(key);
    if (!bytes) return nullptr;
    KJ_REQUIRE(bytes->size() == sizeof(T), "a stored value has another size than its type");
    T value;
    memcpy(&value, bytes->data(), sizeof(T));
    return value;
  }

  template <typename T>
  void put(std::string_view key, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    putBytes(key, {reinterpret_cast<const char*>(&value), sizeof(T)});
  }

 protected:
  ~Storage() = default;
};

}  // namespace meridian::actor
