// Books: what the clients of a server know of its counters and banks, and what they do not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meridian::killed {

inline constexpr unsigned COUNTERS = 8;
inline constexpr unsigned BANKS = 3;

// Of one actor, between two kills.
struct Tally {
  uint64_t known = 0;                 // what it had at the beginning
  uint64_t acknowledged = 0;          // additions since that were answered
  uint64_t inDoubt = 0;               // and those that were not: done, or not
  uint64_t seen = 0;                  // the highest value that any answer has shown

  // What is wrong with this value, if anything is.
  std::optional<std::string> judge(uint64_t value) const;

  void add(const Tally& other);
};

struct Books {
  std::vector<Tally> counters{COUNTERS};
  std::vector<Tally> banks{BANKS};    // their numbers of transfers

  void add(const Books& other);
  // From here on the present values are known.
  void closeAt(const std::vector<uint64_t>& counterValues, const std::vector<uint64_t>& bankValues);
};

}  // namespace meridian::killed
