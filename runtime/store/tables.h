// The tables of a store (format.h) as they are reached within a transaction.
#pragma once

#include <string_view>

#include "runtime/store/format.h"
#include "runtime/store/lmdb-handles.h"

namespace meridian::store {

struct Tables {
  static constexpr unsigned COUNT = 3;

  lmdb::Table rows;
  lmdb::Table journal;
  lmdb::Table meta;
};

Tables openTables(lmdb::Transaction& transaction, lmdb::Transaction::Absent absent);

void putSealed(lmdb::Transaction& transaction, lmdb::Table table, std::string_view key, std::string_view value);

// Throws kj::Exception FAILED when the record is absent, damaged or of a newer format.
Meta readMeta(lmdb::Transaction& transaction, const Tables& tables);
void writeMeta(lmdb::Transaction& transaction, const Tables& tables, const Meta& meta);

}  // namespace meridian::store
