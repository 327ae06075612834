// CommitThread: the one writer of an LMDB store. It takes batches from the queue and commits each in one transaction, which
// first checks that the store's term is still ours. How a batch can end:
//
//   committed        it is on disk
//   no space         ENOSPC from a data write or the sync before the meta page, a data write that was cut short, or the map is
//                    full: the batch and all that waits are aborted; no meta page leads to what was written of it
//   another term     somebody has opened the store since: deposed, nothing is committed any more
//   broken contents  a checksum or LMDB's own pages do not hold: corrupt, likewise
//   any other fault  of a write or a sync, of the meta page in particular, or a commit that does not end: the process ends
//                    (fatal.h)
#pragma once

#include <thread>

#include "runtime/base/units.h"
#include "runtime/store/commit-queue.h"
#include "runtime/store/lmdb-handles.h"
#include "runtime/store/tables.h"
#include "runtime/store/watchdog.h"

namespace meridian::store {

class CommitThread {
 public:
  CommitThread(lmdb::Environment& environment, const Tables& tables, CommitQueue& queue, uint64_t term,
               Duration commitLimit);

  // Closes the queue and commits what is left in it.
  ~CommitThread();

 private:
  enum class Outcome { COMMITTED, NO_SPACE, DEPOSED, CORRUPT };

  void run();
  Outcome commit(const CommitQueue::Batch& batch);
  Outcome outcomeOf(const lmdb::Error& error);
  Outcome noSpace(kj::StringPtr why);
  bool metaPageFailed();
  void write(lmdb::Transaction& transaction, const CommitQueue::Batch& batch);
  void trimJournal(lmdb::Transaction& transaction);

  lmdb::Environment& environment_;
  const Tables& tables_;
  CommitQueue& queue_;
  const uint64_t term_;
  std::string whyNoSpace_;            // of the last batch that did not fit
  Watchdog watchdog_;
  std::thread thread_;
};

}  // namespace meridian::store
