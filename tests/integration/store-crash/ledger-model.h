// What a ledger writes in a turn, as a plain function of the turn's number and salt; so what it must hold after any number of
// turns can be said without it. Turns write and erase several keys of a small space, so that they overwrite one another's, and
// values are small or take pages of their own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::crash {

struct Change {
  std::string key;
  std::optional<std::string> value;   // absent: erase
};

std::vector<Change> changesOf(uint64_t turn, uint64_t salt);

// Of the turns' salts, by number; the number of turns is the highest.
inline constexpr std::string_view SALT_PREFIX = "salt/";
std::string saltKey(uint64_t turn);

// A sum over entries: one that is added and taken away again leaves no trace, and their order does not matter.
class Digest {
 public:
  void add(std::string_view key, std::string_view value);
  void remove(std::string_view key, std::string_view value);
  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0;
};

// Digests of ledgers after just these turns. Remembers them.
class LedgerModel {
 public:
  uint64_t digestAfter(const std::vector<uint64_t>& salts);

 private:
  std::map<std::vector<uint64_t>, uint64_t> known_;
};

}  // namespace meridian::crash
