#include "runtime/store/lmdb-store.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/store/commit-queue.h"
#include "runtime/store/commit-thread.h"
#include "runtime/store/lmdb-handles.h"
#include "runtime/store/lmdb-reader.h"
#include "runtime/store/tables.h"

namespace meridian::store {

using lmdb::Transaction;

namespace {

lmdb::Environment::Options environmentOptions(std::string file, const LmdbOptions& options) {
  return {.file = std::move(file), .mapBytes = options.mapBytes, .readersMax = READERS_MAX, .tablesMax = Tables::COUNT};
}

void syncFolder(const std::filesystem::path& path) {
  kj::StringPtr folder = path.c_str();
  int fd;
  KJ_SYSCALL(fd = ::open(folder.cStr(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
  kj::AutoCloseFd owned(fd);
  KJ_SYSCALL(fsync(fd), folder);
}

void makeFolder(const std::filesystem::path& path) {
  kj::StringPtr folder = path.c_str();
  struct stat found;
  if (stat(folder.cStr(), &found) == 0) {
    KJ_REQUIRE(S_ISDIR(found.st_mode), "the store's folder is not a folder", folder);
    return;
  }
  auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  makeFolder(parent);
  KJ_SYSCALL(mkdir(folder.cStr(), 0700), "the store's folder cannot be made", folder);
  syncFolder(parent);
}

// A new store gets its name only when it is whole and synced: a crash in between leaves nothing that cannot be opened.
void makeStore(const std::string& folder, const std::string& file, const LmdbOptions& options) {
  auto unfinished = file + ".new";
  auto lock = unfinished + "-lock";
  int removed = unlink(unfinished.c_str());
  KJ_REQUIRE(removed == 0 || errno == ENOENT, "what a crash left cannot be removed", unfinished.c_str());
  {
    lmdb::Environment environment(environmentOptions(unfinished, options));
    Transaction transaction(environment, Transaction::Mode::WRITE);
    auto tables = openTables(transaction, Transaction::Absent::CREATE);
    writeMeta(transaction, tables, Meta{});
    transaction.commit();
  }
  KJ_SYSCALL(unlink(lock.c_str()), lock.c_str());
  KJ_SYSCALL(rename(unfinished.c_str(), file.c_str()), file.c_str());
  syncFolder(folder);
}

class LmdbStore final: public env::Store {
 public:
  LmdbStore(std::string file, const LmdbOptions& options)
      : environment_(environmentOptions(std::move(file), options)),
        meta_(raiseTerm()),
        queue_(Lsn(meta_.lsn)),
        commits_(environment_, tables_, queue_, meta_.term, options.commitLimit) {}

  std::optional<Lsn> submit(env::WriteSet&& writes) override { return queue_.submit(std::move(writes)); }
  void flush() override { queue_.flush(); }
  Lsn submitted() override { return queue_.submitted(); }
  Lsn durable() override { return queue_.durable(); }
  env::Epoch epoch() override { return queue_.epoch(); }
  std::string whyAborted() override { return queue_.whyAborted(); }
  env::StoreState state() override { return queue_.state(); }
  uint64_t term() override { return meta_.term; }
  kj::Own<env::Reader> newReader() override { return kj::heap<LmdbReader>(environment_, tables_); }
  void addListener(env::StoreListener& listener) override { queue_.addListener(listener); }
  void removeListener(env::StoreListener& listener) override { queue_.removeListener(listener); }
  env::StoreCounters counters() override { return queue_.counters(); }

 private:
  // From this commit on an earlier owner commits nothing.
  Meta raiseTerm() {
    Transaction transaction(environment_, Transaction::Mode::WRITE);
    tables_ = openTables(transaction, Transaction::Absent::FAIL);
    Meta meta = readMeta(transaction, tables_);
    meta.term += 1;
    writeMeta(transaction, tables_, meta);
    transaction.commit();
    return meta;
  }

  lmdb::Environment environment_;
  Tables tables_{};
  const Meta meta_;                   // as it was at opening
  CommitQueue queue_;
  CommitThread commits_;
};

}  // namespace

kj::Own<env::Store> openLmdbStore(const std::string& folder, const LmdbOptions& options) {
  makeFolder(folder);
  auto file = folder + "/store.mdb";
  if (access(file.c_str(), F_OK) != 0) {
    // Only what is known to be absent is made anew.
    KJ_REQUIRE(errno == ENOENT, "the store's file cannot be reached", file.c_str(), strerror(errno));
    makeStore(folder, file, options);
  }
  return kj::heap<LmdbStore>(file, options);
}

}  // namespace meridian::store
