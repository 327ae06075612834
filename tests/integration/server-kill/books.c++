#include "tests/integration/server-kill/books.h"

#include <algorithm>

namespace meridian::killed {

namespace {

void addAll(std::vector<Tally>& to, const std::vector<Tally>& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i].add(from[i]);
}

void closeAll(std::vector<Tally>& tallies, const std::vector<uint64_t>& values) {
  for (size_t i = 0; i < tallies.size(); ++i) tallies[i] = Tally{.known = values[i], .seen = values[i]};
}

}  // namespace

std::optional<std::string> Tally::judge(uint64_t value) const {
  auto says = [&](const char* what) {
    return what + (": it is " + std::to_string(value)) + ", was " + std::to_string(known) + ", then " + std::to_string(acknowledged) +
           " acknowledged, " + std::to_string(inDoubt) + " in doubt, " + std::to_string(seen) + " seen";
  };
  if (value < known + acknowledged) return says("an acknowledged call is lost");
  if (value < seen) return says("what an answer has shown is undone");
  if (value > known + acknowledged + inDoubt) return says("a call was done twice, or one that nobody made");
  return std::nullopt;
}

void Tally::add(const Tally& other) {
  acknowledged += other.acknowledged;
  inDoubt += other.inDoubt;
  seen = std::max(seen, other.seen);
}

void Books::add(const Books& other) {
  addAll(counters, other.counters);
  addAll(banks, other.banks);
}

void Books::closeAt(const std::vector<uint64_t>& counterValues, const std::vector<uint64_t>& bankValues) {
  closeAll(counters, counterValues);
  closeAll(banks, bankValues);
}

}  // namespace meridian::killed
