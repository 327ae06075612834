#include "sim/world/store.h"

#include <kj/debug.h>

#include <utility>

#include "runtime/base/check.h"

namespace meridian::sim {

using env::JournalEntry;
using env::Store;
using store::CommitQueue;

namespace {

void apply(SimDisk::Contents& contents, const CommitQueue::Batch& batch) {
  uint64_t lsn = batch.first.value();
  for (const auto& set : batch.sets) {
    for (const auto& [key, value] : set.writes) {
      contents.damaged.erase(key);
      if (value) {
        contents.rows[key] = *value;
      } else {
        contents.rows.erase(key);
      }
    }
    uint64_t number = lsn * Store::JOURNAL_SET_MAX;
    for (const auto& entry : set.journal) contents.journal[number++] = entry;
    ++lsn;
  }
  while (contents.journal.size() > Store::JOURNAL_MAX) contents.journal.erase(contents.journal.begin());
  contents.lsn = batch.last;
}

}  // namespace

void SimDisk::damage(const std::string& key) {
  check(contents_->rows.contains(key), "a damaged key is stored");
  change().damaged.insert(key);
}

SimDisk::Contents& SimDisk::change() {
  if (contents_.use_count() > 1) contents_ = std::make_shared<Contents>(*contents_);
  return *contents_;
}

// =======================================================================================

class SimStore::SimReader final: public env::Reader {
 public:
  explicit SimReader(const SimStore& store): store_(store) {}
  ~SimReader() noexcept(false) { reset(); }

  void renew() override {
    if (store_.crashed_) kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the store's process has crashed"));
    if (snapshot_ == nullptr) ++store_.readersAtWork_;
    snapshot_ = store_.disk_.contents_;
  }

  void reset() override {
    if (snapshot_ != nullptr) --store_.readersAtWork_;
    snapshot_ = nullptr;
  }

  Lsn lsn() override { return snapshot().lsn; }

  std::optional<std::string_view> get(std::string_view key) override {
    store::requireKey(key);
    const auto& rows = snapshot().rows;
    auto found = rows.find(key);
    if (found == rows.end()) return std::nullopt;
    return rowOf(key, found->second).value();
  }

  void scan(std::string_view from,
            kj::FunctionParam<Visit(const env::Row& row)> visitor) override {
    const auto& rows = snapshot().rows;
    for (auto row = rows.lower_bound(from); row != rows.end(); ++row) {
      if (visitor(rowOf(row->first, row->second)) == Visit::STOP) break;
    }
  }

  std::vector<JournalEntry> journal(uint64_t after, size_t limit) override {
    const auto& journal = snapshot().journal;
    std::vector<JournalEntry> entries;
    for (auto entry = journal.upper_bound(after); entry != journal.end() && entries.size() < limit; ++entry) {
      entries.push_back({entry->first, entry->second});
    }
    return entries;
  }

 private:
  const SimDisk::Contents& snapshot() const {
    check(snapshot_ != nullptr, "a reader is used between renew and reset");
    return *snapshot_;
  }

  env::Row rowOf(std::string_view key, std::string_view value) const {
    return {key, value, snapshot_->damaged.contains(key) ? env::Row::Value::DAMAGED : env::Row::Value::WHOLE};
  }

  const SimStore& store_;
  std::shared_ptr<const SimDisk::Contents> snapshot_;
};

// =======================================================================================

SimStore::SimStore(SimDisk& disk, CommitQueue::Limits limits)
    : disk_(disk), term_(++disk.term_), queue_(disk.contents().lsn, limits) {}

std::optional<Lsn> SimStore::submit(env::WriteSet&& writes) {
  if (crashed_) return std::nullopt;
  return queue_.submit(std::move(writes));
}

void SimStore::flush() { queue_.flush(); }

bool SimStore::commitPending() {
  if (crashed_ || !isPending()) return false;
  if (stalled_ > 0) {
    --stalled_;
    return false;
  }
  auto batch = queue_.takeBatch();
  if (disk_.term() != term_) {
    queue_.stop(env::StoreState::DEPOSED);
  } else if (std::exchange(nextBatch_, NextBatch::FITS) == NextBatch::FINDS_NO_SPACE) {
    queue_.abort();
  } else {
    apply(disk_.change(), *batch);
    queue_.committed(*batch);
  }
  return true;
}

kj::Own<env::Reader> SimStore::newReader() { return kj::heap<SimReader>(*this); }

}  // namespace meridian::sim
