#include "runtime/store/commit-queue.h"

#include <kj/debug.h>
#include <kj/encoding.h>

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace meridian::store {

using env::Store;

namespace {

// The bytes of keys, values and journal entries, each of them within its bound.
size_t requireWithinBounds(const env::WriteSet& writes) {
  size_t bytes = 0;
  for (const auto& write : writes.writes) {
    requireKey(write.key);
    size_t valueBytes = write.value ? write.value->size() : 0;
    KJ_REQUIRE(valueBytes <= Store::VALUE_MAX, "a value is longer than a store takes",
               kj::encodeCEscape(kj::arrayPtr(write.key.data(), write.key.size())), valueBytes, Store::VALUE_MAX);
    bytes += write.key.size() + valueBytes;
  }
  KJ_REQUIRE(writes.journal.size() <= Store::JOURNAL_SET_MAX, "a write set has more journal entries than a store takes",
             writes.journal.size(), Store::JOURNAL_SET_MAX);
  for (const auto& entry : writes.journal) {
    KJ_REQUIRE(entry.size() <= Store::VALUE_MAX, "a journal entry is longer than a store takes", entry.size(),
               Store::VALUE_MAX);
    bytes += entry.size();
  }
  return bytes;
}

}  // namespace

void requireKey(std::string_view key) {
  KJ_REQUIRE(!key.empty(), "a store's key is empty; it has 1 byte or more");
  KJ_REQUIRE(key.size() <= Store::KEY_MAX, "a key is longer than a store takes", key.size(), Store::KEY_MAX);
}

CommitQueue::CommitQueue(Lsn last, Limits limits): limits_(limits), flushed_(last.value()), submitted_(last.value()), durable_(last.value()) {}

std::optional<Lsn> CommitQueue::submit(env::WriteSet&& writes) {
  size_t bytes = requireWithinBounds(writes);
  std::lock_guard lock(mutex_);
  if (state_ != env::StoreState::OPEN || closed_ || writes.epoch.value() != epoch_) return std::nullopt;
  uint64_t pending = submitted_ - durable_;
  if (pending >= Store::QUEUE_MAX || (pending > 0 && bytes_ + bytes > Store::QUEUE_BYTES_MAX)) {
    kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "the store's queue of write sets that are not yet durable is full",
                                         pending, Store::QUEUE_MAX, bytes_, Store::QUEUE_BYTES_MAX));
  }
  bytes_ += bytes;
  waiting_.push_back({std::move(writes), bytes});
  return Lsn(++submitted_);
}

void CommitQueue::flush() {
  {
    std::lock_guard lock(mutex_);
    if (flushed_ == submitted_) return;
    flushed_ = submitted_;
  }
  flushedOrClosed_.notify_one();
}

env::StoreCounters CommitQueue::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

bool CommitQueue::hasBatch() const {
  std::lock_guard lock(mutex_);
  return hasBatchLocked();
}

std::optional<CommitQueue::Batch> CommitQueue::takeBatch() {
  std::lock_guard lock(mutex_);
  if (!hasBatchLocked()) return std::nullopt;
  return take();
}

std::optional<CommitQueue::Batch> CommitQueue::waitForBatch() {
  std::unique_lock lock(mutex_);
  flushedOrClosed_.wait(lock, [this] { return hasBatchLocked() || closed_; });
  if (!hasBatchLocked()) return std::nullopt;
  return take();
}

CommitQueue::Batch CommitQueue::take() {
  Batch batch;
  uint64_t before = submitted_ - waiting_.size();
  while (!waiting_.empty() && batch.sets.size() < limits_.batchSetsMax) {
    auto& next = waiting_.front();
    if (!batch.sets.empty() && batch.bytes + next.bytes > limits_.batchBytesMax) break;
    batch.bytes += next.bytes;
    batch.sets.push_back(std::move(next.writes));
    waiting_.pop_front();
  }
  batch.first = Lsn(before + 1);
  batch.last = Lsn(before + batch.sets.size());
  return batch;
}

void CommitQueue::committed(const Batch& batch) {
  {
    std::lock_guard lock(mutex_);
    check(batch.first.value() == durable_ + 1, "batches are committed in order");
    bytes_ -= batch.bytes;
    durable_ = batch.last.value();
    counters_.batches += 1;
    counters_.writeSets += batch.sets.size();
    counters_.bytes += batch.bytes;
  }
  tellListeners();
}

std::string CommitQueue::whyAborted() const {
  std::lock_guard lock(mutex_);
  return whyAborted_;
}

void CommitQueue::abort(std::string why) {
  {
    std::lock_guard lock(mutex_);
    whyAborted_ = std::move(why);
    abortLocked();
  }
  tellListeners();
}

void CommitQueue::stop(env::StoreState why) {
  check(why != env::StoreState::OPEN, "a stopped store is not open");
  {
    std::lock_guard lock(mutex_);
    state_ = why;
    whyAborted_ = why == env::StoreState::DEPOSED ? "another process has the store" : "the store is corrupt";
    abortLocked();
  }
  tellListeners();
}

void CommitQueue::abortLocked() {
  waiting_.clear();
  bytes_ = 0;
  flushed_ = submitted_;
  epoch_ += 1;                        // before durable_: see env::Store::epoch
  durable_ = submitted_.load();
}

void CommitQueue::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    flushed_ = submitted_;
  }
  flushedOrClosed_.notify_one();
}

void CommitQueue::addListener(env::StoreListener& listener) {
  std::lock_guard lock(mutex_);
  listeners_.push_back(&listener);
}

void CommitQueue::removeListener(env::StoreListener& listener) {
  std::unique_lock lock(mutex_);
  std::erase(listeners_, &listener);
  // A round of calls under way may still hold it; its own thread would wait for itself.
  told_.wait(lock, [this] { return telling_ == std::thread::id() || telling_ == std::this_thread::get_id(); });
}

void CommitQueue::tellListeners() {
  std::vector<env::StoreListener*> told;
  {
    std::lock_guard lock(mutex_);
    told = listeners_;
    telling_ = std::this_thread::get_id();
  }
  for (auto* listener : told) listener->storeMoved();
  {
    std::lock_guard lock(mutex_);
    telling_ = {};
  }
  told_.notify_all();
}

}  // namespace meridian::store
