// MemoryStorage: an actor's storage as a map, for tests of codecs.
#pragma once

#include <map>
#include <string>

#include "runtime/actor/storage.h"

namespace meridian::tests {

class MemoryStorage final: public actor::Storage {
 public:
  std::optional<std::string> getBytes(std::string_view key) override {
    auto found = entries.find(std::string(key));
    return found == entries.end() ? std::nullopt : std::optional(found->second);
  }

  void putBytes(std::string_view key, std::string_view value) override { entries[std::string(key)] = value; }
  void erase(std::string_view key) override { entries.erase(std::string(key)); }

  std::vector<Entry> list(const Range& range) override {
    std::vector<Entry> result;
    for (auto entry = entries.lower_bound(range.prefix); entry != entries.end(); ++entry) {
      if (!entry->first.starts_with(range.prefix) || result.size() == range.limit) break;
      if (entry->first > range.after) result.push_back({entry->first, entry->second});
    }
    return result;
  }

  std::optional<Instant> alarm() override { return alarm_; }
  void setAlarm(Instant at) override { alarm_ = at; }
  void clearAlarm() override { alarm_.reset(); }
  void journal(std::string_view) override {}

  std::map<std::string, std::string> entries;

 private:
  std::optional<Instant> alarm_;
};

}  // namespace meridian::tests
