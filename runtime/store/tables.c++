#include "runtime/store/tables.h"

#include <kj/debug.h>

namespace meridian::store {

using lmdb::Transaction;

Tables openTables(Transaction& transaction, Transaction::Absent absent) {
  return {.rows = transaction.open("rows", absent),
          .journal = transaction.open("journal", absent),
          .meta = transaction.open("meta", absent)};
}

void putSealed(Transaction& transaction, lmdb::Table table, std::string_view key, std::string_view value) {
  seal(transaction.put(table, key, sealedSize(value.size())), key, value);
}

Meta readMeta(Transaction& transaction, const Tables& tables) {
  kj::StringPtr file = transaction.environment().file().c_str();
  auto sealed = transaction.get(tables.meta, Meta::KEY);
  KJ_REQUIRE(sealed.has_value(), "the store has no meta record", file);
  return decodeMeta(unseal(Meta::KEY, *sealed), file);
}

void writeMeta(Transaction& transaction, const Tables& tables, const Meta& meta) {
  putSealed(transaction, tables.meta, Meta::KEY, encode(meta));
}

}  // namespace meridian::store
