// The store of the seeded world: the shipped commit queue over a disk in memory. It has no thread and no clock. What shards
// flush becomes durable when the world says so, one batch at a time, and a crash loses everything else; both pass the contract
// suite of runtime/store. The contents outlive a SimStore in its SimDisk, so that a restarted role finds them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/env/store.h"
#include "runtime/store/commit-queue.h"

namespace meridian::sim {

class SimDisk {
 public:
  // One durable state of a store.
  struct Contents {
    std::map<std::string, std::string, std::less<>> rows;
    std::set<std::string, std::less<>> damaged;   // keys whose checksum does not match
    std::map<uint64_t, std::string> journal;
    Lsn lsn;
  };

  const Contents& contents() const { return *contents_; }
  uint64_t term() const { return term_; }

  // Flips bits in the stored value of a key: readers refuse it until it is written anew.
  void damage(const std::string& key);

 private:
  friend class SimStore;

  // To change; a reader that still looks at the present contents keeps them as they are.
  Contents& change();

  std::shared_ptr<Contents> contents_ = std::make_shared<Contents>();
  uint64_t term_ = 0;
};

class SimStore final: public env::Store {
 public:
  // Raises the term: a SimStore that was opened earlier on the same disk is deposed. The disk must outlive the store.
  explicit SimStore(SimDisk& disk, store::CommitQueue::Limits limits = {});

  // Whether something was flushed that is neither durable nor aborted.
  bool isPending() const { return queue_.hasBatch(); }

  // Ends the commit of one batch, well or badly as the faults have it. False when nothing moved.
  bool commitPending();

  // Readers between renew and reset.
  uint32_t readersAtWork() const { return readersAtWork_; }

  // The process dies: what is not durable is lost and the store takes nothing any more. Listeners are not told.
  void crash() { crashed_ = true; }

  // ---- Faults.
  void failNextBatch() { nextBatch_ = NextBatch::FINDS_NO_SPACE; }
  // The next calls of commitPending() move nothing: a slow disk.
  void stall(uint64_t calls) { stalled_ = calls; }

  std::optional<Lsn> submit(env::WriteSet&& writes) override;
  void flush() override;
  Lsn submitted() override { return queue_.submitted(); }
  Lsn durable() override { return queue_.durable(); }
  env::Epoch epoch() override { return queue_.epoch(); }
  std::string whyAborted() override { return queue_.whyAborted(); }
  env::StoreState state() override { return queue_.state(); }
  uint64_t term() override { return term_; }
  kj::Own<env::Reader> newReader() override;
  void addListener(env::StoreListener& listener) override { queue_.addListener(listener); }
  void removeListener(env::StoreListener& listener) override { queue_.removeListener(listener); }
  env::StoreCounters counters() override { return queue_.counters(); }

 private:
  class SimReader;
  enum class NextBatch { FITS, FINDS_NO_SPACE };

  SimDisk& disk_;
  const uint64_t term_;
  store::CommitQueue queue_;
  NextBatch nextBatch_ = NextBatch::FITS;
  uint64_t stalled_ = 0;
  bool crashed_ = false;
  mutable uint32_t readersAtWork_ = 0;
};

}  // namespace meridian::sim
