// LmdbReader: env::Reader over one reading transaction of LMDB, kept for the reader's life and renewed in place. It takes one
// of the environment's reader slots.
#pragma once

#include <kj/common.h>
#include <kj/memory.h>

#include "runtime/env/store.h"
#include "runtime/store/lmdb-handles.h"
#include "runtime/store/tables.h"

namespace meridian::store {

class LmdbReader final: public env::Reader {
 public:
  LmdbReader(lmdb::Environment& environment, const Tables& tables);

  void renew() override;
  void reset() override;
  Lsn lsn() override;
  std::optional<std::string_view> get(std::string_view key) override;
  void scan(std::string_view from, kj::FunctionParam<Visit(const env::Row& row)> visitor) override;
  std::vector<env::JournalEntry> journal(uint64_t after, size_t limit) override;

 private:
  enum class View { NONE, SNAPSHOT };

  const Tables& tables_;
  lmdb::Transaction transaction_;
  kj::Own<lmdb::Cursor> idleCursor_;  // over the rows, kept from the last scan; null while a scan runs
  View view_ = View::NONE;
  uint64_t lsnSnapshot_ = 0;          // the snapshot that `lsn_` was read from, as LMDB numbers them
  Lsn lsn_;
};

}  // namespace meridian::store
