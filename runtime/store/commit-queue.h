// CommitQueue: the half of a store that knows no disk. Shards submit write sets, a committer takes them in batches and says
// how each batch ended; in between stand the bounds, the LSNs, the epochs and those who wait. LMDB's commit thread and the
// simulated store both work on it, so that the simulator runs the shipped queue.
//
// The waiting write sets always carry the LSNs up to submitted() without a gap: an abort takes all of them.
//
// Threads: everything from any thread, but one committer.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/env/store.h"

namespace meridian::store {

// Throws kj::Exception FAILED when it is empty or above Store::KEY_MAX.
void requireKey(std::string_view key);

class CommitQueue {
 public:
  struct Limits {
    size_t batchSetsMax = 4096;          // write sets in one transaction
    size_t batchBytesMax = 32 << 20;     // keys and values in one transaction; one set always fits
  };

  struct Batch {
    Lsn first;
    Lsn last;
    size_t bytes = 0;
    std::vector<env::WriteSet> sets;
  };

  // `last`: the highest LSN that the store has.
  explicit CommitQueue(Lsn last): CommitQueue(last, Limits{}) {}
  CommitQueue(Lsn last, Limits limits);

  // ---- env::Store's side, as its header says.
  std::optional<Lsn> submit(env::WriteSet&& writes);
  void flush();
  Lsn submitted() const { return Lsn(submitted_.load()); }
  Lsn durable() const { return Lsn(durable_.load()); }
  env::Epoch epoch() const { return env::Epoch(epoch_.load()); }
  std::string whyAborted() const;
  env::StoreState state() const { return state_.load(); }
  env::StoreCounters counters() const;
  void addListener(env::StoreListener& listener);
  void removeListener(env::StoreListener& listener);

  // ---- The committer's side. A batch is all that waits, up to the limits, once anything in it was flushed.
  bool hasBatch() const;
  std::optional<Batch> takeBatch();
  // Waits for one; nothing after close(), when all that waited is taken.
  std::optional<Batch> waitForBatch();
  void committed(const Batch& batch);
  // The batch taken last did not fit: it and all that waits are lost, and a new epoch begins.
  void abort(std::string why = "no space");
  // The store ends for good: the same, and nothing is taken any more.
  void stop(env::StoreState why);
  // The owner goes: what waits is as if flushed.
  void close();

 private:
  struct Waiting {
    env::WriteSet writes;
    size_t bytes;
  };

  bool hasBatchLocked() const { return !waiting_.empty() && flushed_ > submitted_ - waiting_.size(); }
  Batch take();
  void abortLocked();
  void tellListeners();

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable flushedOrClosed_;
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;                  // waiting or in the committer's hands
  uint64_t flushed_;
  bool closed_ = false;
  env::StoreCounters counters_;
  std::string whyAborted_;

  // Changed under the mutex, read without it.
  std::atomic<uint64_t> submitted_;
  std::atomic<uint64_t> durable_;
  std::atomic<uint64_t> epoch_{1};
  std::atomic<env::StoreState> state_{env::StoreState::OPEN};

  std::vector<env::StoreListener*> listeners_;
  std::thread::id telling_;           // the thread that is calling listeners; none otherwise
  std::condition_variable told_;
};

}  // namespace meridian::store
