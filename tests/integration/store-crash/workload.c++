#include "tests/integration/store-crash/workload.h"

#include <utility>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/store/await-durable.h"
#include "runtime/store/lmdb-store.h"

namespace meridian::crash {

namespace {

constexpr uint64_t KEYS = 400;
constexpr size_t MAP_BYTES = 64 << 20;

// FNV-1a over strings with their lengths.
class Digest {
 public:
  void add(std::string_view bytes) {
    add(bytes.size());
    for (unsigned char byte : bytes) addByte(byte);
  }
  void add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) addByte(static_cast<unsigned char>(number >> shift));
  }
  uint64_t value() const { return value_; }

 private:
  void addByte(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001b3ull; }

  uint64_t value_ = 0xcbf29ce484222325ull;
};

kj::Own<env::Store> openStore(const std::string& folder) { return store::openLmdbStore(folder, {.mapBytes = MAP_BYTES}); }

}  // namespace

uint64_t digestOf(env::Reader& reader) {
  Digest digest;
  reader.scan("", [&](std::string_view key, std::string_view value) {
    digest.add(key);
    digest.add(value);
    return env::Reader::Visit::GO_ON;
  });
  for (const auto& entry : reader.journal(0, SIZE_MAX)) {
    digest.add(entry.number);
    digest.add(entry.bytes);
  }
  return digest.value();
}

Recording Workload::run(const std::string& folder, unsigned batches) {
  Recorder recorder(folder);
  for (int life = 0; life < 2; ++life) {
    auto store = openStore(folder);
    recorder.follow(*store);
    for (unsigned batch = 0; batch < batches; ++batch) {
      runBatch(*store, recorder, batch == batches / 2 ? Space::NONE : Space::ENOUGH);
    }
    recorder.leave();
  }
  return recorder.finish();
}

void Workload::runBatch(env::Store& store, Recorder& recorder, Space space) {
  std::vector<std::pair<Lsn, env::WriteSet>> sets;
  for (uint64_t count = 1 + random_.below(8); count > 0; --count) {
    auto set = makeSet();
    set.epoch = store.epoch();
    auto lsn = store.submit(env::WriteSet(set));
    check(lsn.has_value(), "the workload knows the epoch");
    sets.emplace_back(*lsn, std::move(set));
  }
  if (space == Space::NONE) recorder.fillDisk();
  auto before = store.epoch();
  store.flush();
  store::awaitDurable(store, store.submitted());
  check((store.epoch() != before) == (space == Space::NONE), "a batch is aborted just when there is no space");
  if (space == Space::NONE) return;
  for (const auto& [lsn, set] : sets) apply(lsn, set);
}

env::WriteSet Workload::makeSet() {
  env::WriteSet set;
  for (uint64_t count = 2 + random_.below(6); count > 0; --count) {
    env::Write write{.key = "key/" + std::to_string(random_.below(KEYS))};
    if (random_.below(5) != 0) write.value = makeValue();
    set.writes.push_back(std::move(write));
  }
  if (random_.below(3) == 0) set.journal.push_back(makeValue());
  return set;
}

std::string Workload::makeValue() {
  // One in twenty needs overflow pages.
  size_t size = random_.below(20) == 0 ? 2'000 + random_.below(20'000) : random_.below(300);
  std::string value(size, 0);
  for (char& byte : value) byte = static_cast<char>(random_.next());
  return value;
}

void Workload::apply(Lsn lsn, const env::WriteSet& set) {
  for (const auto& [key, value] : set.writes) {
    if (value) {
      rows_[key] = *value;
    } else {
      rows_.erase(key);
    }
  }
  uint64_t number = lsn.value() * env::Store::JOURNAL_SET_MAX;
  for (const auto& entry : set.journal) journal_[number++] = entry;
  check(journal_.size() <= env::Store::JOURNAL_MAX, "the workload stays below the journal's limit");
  digests_[lsn.value()] = digest();
}

uint64_t Workload::digest() const {
  Digest digest;
  for (const auto& [key, value] : rows_) {
    digest.add(key);
    digest.add(value);
  }
  for (const auto& [number, bytes] : journal_) {
    digest.add(number);
    digest.add(bytes);
  }
  return digest.value();
}

uint64_t Workload::emptyDigest() { return Digest().value(); }

}  // namespace meridian::crash
