#include "runtime/store/lmdb-reader.h"

#include <spdlog/spdlog.h>

#include "runtime/base/check.h"
#include "runtime/store/commit-queue.h"

namespace meridian::store {

using lmdb::Transaction;

LmdbReader::LmdbReader(lmdb::Environment& environment, const Tables& tables)
    : tables_(tables), transaction_(environment, Transaction::Mode::READ) {
  transaction_.reset();
}

void LmdbReader::renew() {
  if (view_ == View::SNAPSHOT) reset();
  transaction_.renew();
  view_ = View::SNAPSHOT;
}

void LmdbReader::reset() {
  if (view_ == View::SNAPSHOT) transaction_.reset();
  view_ = View::NONE;
}

Lsn LmdbReader::lsn() {
  check(view_ == View::SNAPSHOT, "a reader is used between renew and reset");
  // Asked in every turn, while few turns see a new snapshot.
  uint64_t snapshot = transaction_.snapshot();
  if (snapshot != lsnSnapshot_) {
    lsn_ = Lsn(readMeta(transaction_, tables_).lsn);
    lsnSnapshot_ = snapshot;
  }
  return lsn_;
}

std::optional<std::string_view> LmdbReader::get(std::string_view key) {
  check(view_ == View::SNAPSHOT, "a reader is used between renew and reset");
  requireKey(key);
  auto sealed = transaction_.get(tables_.rows, key);
  if (!sealed) return std::nullopt;
  return unseal(key, *sealed);
}

void LmdbReader::scan(std::string_view from,
                      kj::FunctionParam<Visit(const env::Row& row)> visitor) {
  check(view_ == View::SNAPSHOT, "a reader is used between renew and reset");
  // A visitor may scan too: it finds no idle cursor and opens its own.
  auto cursor = kj::mv(idleCursor_);
  if (cursor.get() == nullptr) {
    cursor = kj::heap<lmdb::Cursor>(transaction_, tables_.rows);
  } else {
    cursor->renew();
  }
  for (auto entry = cursor->seek(from); entry; entry = cursor->next()) {
    if (visitor(open(entry->key, entry->value)) == Visit::STOP) break;
  }
  idleCursor_ = kj::mv(cursor);
}

std::vector<env::JournalEntry> LmdbReader::journal(uint64_t after, size_t limit) {
  check(view_ == View::SNAPSHOT, "a reader is used between renew and reset");
  std::vector<env::JournalEntry> entries;
  if (limit == 0 || after == UINT64_MAX) return entries;
  lmdb::Cursor cursor(transaction_, tables_.journal);
  auto first = journalKey(after + 1);
  for (auto entry = cursor.seek(view(first)); entry && entries.size() < limit; entry = cursor.next()) {
    auto row = open(entry->key, entry->value);
    if (row.isDamaged()) {
      spdlog::error("event=journal-entry-damaged number={}", journalNumber(entry->key));
    } else {
      entries.push_back({journalNumber(entry->key), std::string(row.value())});
    }
  }
  return entries;
}

}  // namespace meridian::store
