#include "tests/integration/store-crash/ledger-model.h"

#include <cstdio>
#include <functional>

#include "runtime/base/random.h"

namespace meridian::crash {

namespace {

constexpr uint64_t KEYS = 16;
constexpr uint64_t CHANGES_MIN = 2;
constexpr uint64_t CHANGES_SPAN = 5;
constexpr uint64_t ERASING_ONE_IN = 5;
constexpr uint64_t LARGE_ONE_IN = 20;     // takes overflow pages
constexpr uint64_t LARGE_MIN = 2'000, LARGE_SPAN = 10'000;
constexpr uint64_t SMALL_MIN = 8, SMALL_SPAN = 250;

std::string makeValue(Random& random) {
  size_t size = random.below(LARGE_ONE_IN) == 0 ? LARGE_MIN + random.below(LARGE_SPAN) : SMALL_MIN + random.below(SMALL_SPAN);
  std::string value(size, 0);
  for (char& byte : value) byte = static_cast<char>(random.next());
  return value;
}

std::string bytesOf(uint64_t number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

uint64_t hashOf(std::string_view key, std::string_view value) {
  std::hash<std::string_view> hash;
  return Random(hash(key) * 31 + hash(value)).next();
}

}  // namespace

std::string saltKey(uint64_t turn) {
  char key[32];
  snprintf(key, sizeof key, "%s%08lu", SALT_PREFIX.data(), turn);
  return key;
}

std::vector<Change> changesOf(uint64_t turn, uint64_t salt) {
  Random random(salt ^ turn << 48);
  std::vector<Change> changes{{saltKey(turn), bytesOf(salt)}};
  for (uint64_t left = CHANGES_MIN + random.below(CHANGES_SPAN); left > 0; --left) {
    Change change{"key/" + std::to_string(random.below(KEYS)), std::nullopt};
    if (random.below(ERASING_ONE_IN) != 0) change.value = makeValue(random);
    changes.push_back(std::move(change));
  }
  return changes;
}

void Digest::add(std::string_view key, std::string_view value) { sum_ += hashOf(key, value); }

void Digest::remove(std::string_view key, std::string_view value) { sum_ -= hashOf(key, value); }

uint64_t LedgerModel::digestAfter(const std::vector<uint64_t>& salts) {
  auto [found, isNew] = known_.try_emplace(salts, 0);
  if (!isNew) return found->second;
  std::map<std::string, std::string> rows;
  for (size_t turn = 1; turn <= salts.size(); ++turn) {
    for (auto& [key, value] : changesOf(turn, salts[turn - 1])) {
      if (value) {
        rows[key] = *value;
      } else {
        rows.erase(key);
      }
    }
  }
  Digest digest;
  for (const auto& [key, value] : rows) digest.add(key, value);
  return found->second = digest.value();
}

}  // namespace meridian::crash
