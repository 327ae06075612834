#include "runtime/store/commit-thread.h"

#include <kj/exception.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <utility>

#include "runtime/store/fatal.h"

namespace meridian::store {

using lmdb::Transaction;

CommitThread::CommitThread(lmdb::Environment& environment, const Tables& tables, CommitQueue& queue, uint64_t term,
                           Duration commitLimit)
    : environment_(environment),
      tables_(tables),
      queue_(queue),
      term_(term),
      watchdog_("a commit to the store in " + environment.file(), commitLimit),
      thread_([this] { run(); }) {}

CommitThread::~CommitThread() {
  queue_.close();
  thread_.join();
}

void CommitThread::run() {
  while (auto batch = queue_.waitForBatch()) {
    watchdog_.begin();
    auto outcome = commit(*batch);
    watchdog_.end();
    switch (outcome) {
      case Outcome::COMMITTED: queue_.committed(*batch); break;
      case Outcome::NO_SPACE: queue_.abort(std::move(whyNoSpace_)); break;
      case Outcome::DEPOSED: queue_.stop(env::StoreState::DEPOSED); break;
      case Outcome::CORRUPT: queue_.stop(env::StoreState::CORRUPT); break;
    }
  }
}

CommitThread::Outcome CommitThread::commit(const CommitQueue::Batch& batch) {
  try {
    Transaction transaction(environment_, Transaction::Mode::WRITE);
    Meta meta = readMeta(transaction, tables_);
    if (meta.term != term_) {
      spdlog::warn("event=store-deposed file={} term={} newTerm={}", environment_.file(), term_, meta.term);
      return Outcome::DEPOSED;
    }
    environment_.makeRoomAhead();
    write(transaction, batch);
    trimJournal(transaction);
    meta.lsn = batch.last.value();
    writeMeta(transaction, tables_, meta);
    transaction.commit();
    return Outcome::COMMITTED;
  } catch (const lmdb::Error& error) {
    return outcomeOf(error);
  } catch (const kj::Exception& error) {
    spdlog::error("event=store-corrupt file={} why=\"{}\"", environment_.file(), error.getDescription().cStr());
    return Outcome::CORRUPT;
  }
}

CommitThread::Outcome CommitThread::outcomeOf(const lmdb::Error& error) {
  switch (error.code()) {
    case ENOSPC:
      if (metaPageFailed()) break;
      return noSpace(error.getDescription());
    case MDB_MAP_FULL:
      return noSpace(kj::str("the store's map is full: ", environment_.file().c_str(), " grows to ", environment_.mapBytes(),
                             " bytes at most"));
    case MDB_TXN_FULL:
      return noSpace(error.getDescription());
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
      spdlog::error("event=store-corrupt why=\"{}\"", error.getDescription().cStr());
      return Outcome::CORRUPT;
    default:
      break;
  }
  endProcess(error.getDescription().cStr());
}

CommitThread::Outcome CommitThread::noSpace(kj::StringPtr why) {
  spdlog::error("event=store-batch-aborted why=\"{}\"", why.cStr());
  whyNoSpace_ = why.cStr();
  return Outcome::NO_SPACE;
}

// Whether the failed write was the last of the commit, so that it may be on disk all the same: LMDB begins nothing then.
bool CommitThread::metaPageFailed() {
  try {
    Transaction probe(environment_, Transaction::Mode::WRITE);
    return false;
  } catch (const lmdb::Error&) {
    return true;
  }
}

void CommitThread::write(Transaction& transaction, const CommitQueue::Batch& batch) {
  uint64_t lsn = batch.first.value();
  for (const auto& set : batch.sets) {
    for (const auto& [key, value] : set.writes) {
      if (value) {
        putSealed(transaction, tables_.rows, key, *value);
      } else {
        transaction.erase(tables_.rows, key);
      }
    }
    for (size_t index = 0; index < set.journal.size(); ++index) {
      auto key = journalKey(journalNumber(lsn, index));
      putSealed(transaction, tables_.journal, view(key), set.journal[index]);
    }
    ++lsn;
  }
}

void CommitThread::trimJournal(Transaction& transaction) {
  size_t count = transaction.count(tables_.journal);
  if (count <= env::Store::JOURNAL_MAX) return;
  lmdb::Cursor oldest(transaction, tables_.journal);
  for (; count > env::Store::JOURNAL_MAX && oldest.seek(""); --count) oldest.erase();
}

}  // namespace meridian::store
