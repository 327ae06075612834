#include "runtime/store/lmdb-handles.h"

#include <kj/debug.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace meridian::store::lmdb {

namespace {

MDB_val toVal(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view toView(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

constexpr mdb_mode_t FILE_MODE = 0600;

constexpr size_t ROOM_BYTES_MIN = 256 << 10;   // more than nearly every commit adds
constexpr size_t ROOM_STEP_BYTES = 1 << 20;

}  // namespace

Error::Error(int code, std::string_view doing, std::string_view file)
    : kj::Exception(code == MDB_MAP_FULL || code == MDB_READERS_FULL || code == ENOSPC ? Type::OVERLOADED : Type::FAILED,
                    __FILE__, __LINE__,
                    kj::str(kj::arrayPtr(doing.data(), doing.size()), " failed for the store in ",
                            kj::arrayPtr(file.data(), file.size()), ": ", mdb_strerror(code))),
      code_(code) {}

// =======================================================================================

Environment::Environment(const Options& options): file_(options.file), mapBytes_(options.mapBytes) {
  require(mdb_env_create(&env_), "making an environment");
  KJ_ON_SCOPE_FAILURE(mdb_env_close(env_));
  require(mdb_env_set_mapsize(env_, options.mapBytes), "setting the map size");
  require(mdb_env_set_maxreaders(env_, options.readersMax), "setting the number of readers");
  require(mdb_env_set_maxdbs(env_, options.tablesMax), "setting the number of tables");
  require(mdb_env_set_userctx(env_, this), "setting the context");
  require(mdb_env_set_assert(env_, &onAssertion), "setting the assertion handler");
  int code = mdb_env_open(env_, file_.c_str(), MDB_NOSUBDIR | MDB_NOTLS, FILE_MODE);
  KJ_REQUIRE(code != ENOMEM, "no address space for the store's map: raise `ulimit -v` or choose a smaller map", file_.c_str(),
             options.mapBytes);
  require(code, "opening");
}

Environment::~Environment() {
  if (!broken_) mdb_env_close(env_);
}

void Environment::require(int code, std::string_view doing) const {
  if (code != 0) throw Error(code, doing, file_);
}

void Environment::makeRoomAhead() {
  MDB_envinfo info;
  MDB_stat pages;
  mdb_filehandle_t fd;
  require(mdb_env_info(env_, &info), "reading the size in use");
  require(mdb_env_stat(env_, &pages), "reading the size of a page");
  require(mdb_env_get_fd(env_, &fd), "asking for the descriptor");
  struct stat file;
  require(fstat(fd, &file) < 0 ? errno : 0, "reading the file's size");
  size_t size = file.st_size;
  if (size >= (info.me_last_pgno + 1) * pages.ms_psize + ROOM_BYTES_MIN || size + ROOM_STEP_BYTES > info.me_mapsize) return;
  static const char ZEROS[ROOM_STEP_BYTES] = {};
  if (pwrite(fd, ZEROS, sizeof ZEROS, static_cast<off_t>(size)) < 0 && errno != ENOSPC) require(errno, "making room ahead");
}

void Environment::onAssertion(MDB_env* env, const char* message) {
  auto& self = *static_cast<Environment*>(mdb_env_get_userctx(env));
  self.broken_ = true;
  KJ_FAIL_REQUIRE("LMDB found its pages broken", self.file_.c_str(), message);
}

// =======================================================================================

Transaction::Transaction(Environment& environment, Mode mode): environment_(environment) {
  int code = mdb_txn_begin(environment.raw(), nullptr, mode == Mode::READ ? MDB_RDONLY : 0, &txn_);
  environment.require(code, mode == Mode::READ ? "beginning to read" : "beginning a commit");
}

Transaction::~Transaction() {
  if (txn_ != nullptr && !environment_.broken()) mdb_txn_abort(txn_);
}

void Transaction::commit() {
  errno = 0;
  // Whatever comes of it, the transaction is gone.
  int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  // LMDB calls a write that was cut short EIO, but then no call has failed: it is how a file system says that it is full.
  if (code == EIO && errno == 0) code = ENOSPC;
  environment_.require(code, "committing");
}

void Transaction::reset() { mdb_txn_reset(txn_); }

void Transaction::renew() { environment_.require(mdb_txn_renew(txn_), "renewing a reader"); }

Table Transaction::open(const char* name, Absent absent) {
  Table table;
  unsigned flags = absent == Absent::CREATE ? MDB_CREATE : 0;
  environment_.require(mdb_dbi_open(txn_, name, flags, &table), std::string("opening the table ") + name);
  return table;
}

std::optional<std::string_view> Transaction::get(Table table, std::string_view key) {
  MDB_val keyVal = toVal(key);
  MDB_val value;
  int code = mdb_get(txn_, table, &keyVal, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  environment_.require(code, "reading");
  return toView(value);
}

std::span<char> Transaction::put(Table table, std::string_view key, size_t size) {
  MDB_val keyVal = toVal(key);
  MDB_val value{size, nullptr};
  environment_.require(mdb_put(txn_, table, &keyVal, &value, MDB_RESERVE), "writing");
  return {static_cast<char*>(value.mv_data), size};
}

void Transaction::erase(Table table, std::string_view key) {
  MDB_val keyVal = toVal(key);
  int code = mdb_del(txn_, table, &keyVal, nullptr);
  if (code != MDB_NOTFOUND) environment_.require(code, "erasing");
}

size_t Transaction::count(Table table) {
  MDB_stat stat;
  environment_.require(mdb_stat(txn_, table, &stat), "counting");
  return stat.ms_entries;
}

// =======================================================================================

Cursor::Cursor(Transaction& transaction, Table table): transaction_(transaction) {
  transaction.environment().require(mdb_cursor_open(transaction.raw(), table, &cursor_), "opening a cursor");
}

Cursor::~Cursor() {
  if (!transaction_.environment().broken()) mdb_cursor_close(cursor_);
}

void Cursor::renew() {
  transaction_.environment().require(mdb_cursor_renew(transaction_.raw(), cursor_), "renewing a cursor");
}

std::optional<Cursor::Entry> Cursor::seek(std::string_view from) {
  return from.empty() ? move({}, MDB_FIRST) : move(toVal(from), MDB_SET_RANGE);
}

std::optional<Cursor::Entry> Cursor::next() { return move({}, MDB_NEXT); }

void Cursor::erase() { transaction_.environment().require(mdb_cursor_del(cursor_, 0), "erasing"); }

std::optional<Cursor::Entry> Cursor::move(MDB_val key, MDB_cursor_op operation) {
  MDB_val value;
  int code = mdb_cursor_get(cursor_, &key, &value, operation);
  if (code == MDB_NOTFOUND) return std::nullopt;
  transaction_.environment().require(code, "reading on");
  return Entry{toView(key), toView(value)};
}

}  // namespace meridian::store::lmdb
