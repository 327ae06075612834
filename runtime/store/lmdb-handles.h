// LMDB's C interface as C++: owners that let go, calls that throw. Nothing here knows what a store keeps.
//
// A failed call throws lmdb::Error, a kj::Exception that also carries LMDB's code. When LMDB finds its own pages broken (a
// failed assertion inside it), the call throws too and the environment is `broken`: its transactions are then left as they
// are, because LMDB's cursors may point into dead stack frames; only opening the file anew can help.
//
// Threads: an Environment may be shared; a Transaction and its cursors belong to one thread at a time, a writing one to the
// thread that began it.
#pragma once

#include <kj/exception.h>
#include <lmdb.h>

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meridian::store::lmdb {

class Error final: public kj::Exception {
 public:
  Error(int code, std::string_view doing, std::string_view file);

  int code() const { return code_; }

 private:
  int code_;
};

class Environment {
 public:
  struct Options {
    std::string file;
    size_t mapBytes;                  // address space; the file only grows as far as it is used
    unsigned readersMax;
    unsigned tablesMax;
  };

  // Opens or makes the file, in LMDB's default mode: a commit is on disk when it returns.
  explicit Environment(const Options& options);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  MDB_env* raw() const { return env_; }
  const std::string& file() const { return file_; }
  size_t mapBytes() const { return mapBytes_; }
  bool broken() const { return broken_; }

  // Writes zeros behind the file's end when little of the file is unused: a sync of a file that has grown, or whose blocks
  // were never written, also commits the file system's journal, which takes twice as long. While a writing transaction is
  // open that has written nothing. A full disk is left to LMDB to find.
  void makeRoomAhead();

  // Throws Error unless the code is 0.
  void require(int code, std::string_view doing) const;

 private:
  static void onAssertion(MDB_env* env, const char* message);

  MDB_env* env_ = nullptr;
  std::string file_;
  size_t mapBytes_;
  std::atomic<bool> broken_{false};
};

using Table = MDB_dbi;

class Transaction {
 public:
  enum class Mode { READ, WRITE };

  Transaction(Environment& environment, Mode mode);
  ~Transaction();                     // aborts what was not committed
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

  // Of a reading one: lets go of its snapshot, takes the newest.
  void reset();
  void renew();
  // LMDB's number of the snapshot, above 0: one for each commit.
  uint64_t snapshot() const { return mdb_txn_id(txn_); }

  enum class Absent { CREATE, FAIL };
  Table open(const char* name, Absent absent);

  std::optional<std::string_view> get(Table table, std::string_view key);
  // The place of a new or replaced value of this size, to be filled before the next call.
  std::span<char> put(Table table, std::string_view key, size_t size);
  // Without effect when the key is absent.
  void erase(Table table, std::string_view key);
  size_t count(Table table);

  MDB_txn* raw() const { return txn_; }
  Environment& environment() const { return environment_; }

 private:
  Environment& environment_;
  MDB_txn* txn_ = nullptr;
};

// Walks a table in key order. In a reading transaction it outlives a reset: renew it before its next use.
class Cursor {
 public:
  struct Entry {
    std::string_view key;
    std::string_view value;
  };

  Cursor(Transaction& transaction, Table table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  void renew();

  std::optional<Entry> seek(std::string_view from);    // the first with a key >= from
  std::optional<Entry> next();
  void erase();                                        // the entry that was found last

 private:
  std::optional<Entry> move(MDB_val key, MDB_cursor_op operation);

  Transaction& transaction_;
  MDB_cursor* cursor_ = nullptr;
};

}  // namespace meridian::store::lmdb
