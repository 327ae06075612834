// What the LMDB store makes of a disk that refuses or lies: out of space in a write aborts the batch, anything that leaves
// the disk's contents unknown ends the process, broken pages stop the store. Each store runs in a process of its own, whose
// end and last words are judged.

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <string>

#include "runtime/store/await-durable.h"
#include "runtime/store/fatal.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/disk-tap.h"
#include "tests/integration/store-crash/life.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

using tests::ScratchFolder;

// Refuses one kind of call on the store's file, from the moment it is put on.
class Fault final: public DiskTap {
 public:
  enum class Call { DATA_WRITE, META_WRITE, SYNC, HANGING_SYNC };
  enum class Times { ONCE, ALWAYS };

  Fault(const std::string& folder, Call call, int error, Times times)
      : file_(fileIdOf(folder + "/store.mdb")), call_(call), error_(error), times_(times) {
    setDiskTap(this);
  }
  ~Fault() { setDiskTap(nullptr); }

  int mayWrite(FileId file, Durability durability) override {
    // LMDB writes its meta page, and nothing else, through a descriptor for synced writes.
    return refuses(file, durability == Durability::SYNCED ? Call::META_WRITE : Call::DATA_WRITE);
  }

  int maySync(FileId file) override {
    if (call_ == Call::HANGING_SYNC && file == file_) {
      while (true) pause();
    }
    return refuses(file, Call::SYNC);
  }

 private:
  int refuses(FileId file, Call call) {
    if (file != file_ || call != call_ || done_) return 0;
    done_ = times_ == Times::ONCE;
    return error_;
  }

  const FileId file_;
  const Call call_;
  const int error_;
  const Times times_;
  bool done_ = false;
};

// Overwrites the head of each branch page, as a stray write to the disk would: one key less than a branch can have.
void breakBranchPages(const std::string& file) {
  constexpr size_t PAGE = 4096, FLAGS = 10, LOWER = 12;
  constexpr uint16_t BRANCH = 1;
  int fd;
  KJ_SYSCALL(fd = open(file.c_str(), O_RDWR | O_CLOEXEC));
  kj::AutoCloseFd owned(fd);
  size_t broken = 0;
  uint16_t flags;
  for (off_t at = 0; pread(fd, &flags, sizeof flags, at + FLAGS) == sizeof flags; at += PAGE) {
    if (flags != BRANCH) continue;
    uint16_t lower = 16 + sizeof(uint16_t);
    KJ_SYSCALL(pwrite(fd, &lower, sizeof lower, at + LOWER));
    ++broken;
  }
  KJ_REQUIRE(broken > 0);
}

enum class Result { COMMITTED, ABORTED };

env::WriteSet smallSet(env::Store& store, const std::string& key) {
  return {.writes = {{key, std::string(100, 'v')}}, .epoch = store.epoch()};
}

Result commit(env::Store& store, const std::string& key) {
  auto before = store.epoch();
  auto lsn = store.submit({.writes = {{key, std::string(10'000, 'v')}}, .epoch = before});
  KJ_REQUIRE(lsn.has_value());
  store.flush();
  store::awaitDurable(store, *lsn);
  return store.epoch() == before ? Result::COMMITTED : Result::ABORTED;
}

bool has(env::Store& store, const std::string& key) {
  auto reader = store.newReader();
  reader->renew();
  return reader->get(key).has_value();
}

// The exit of a process whose store meets the fault in its second commit.
End meet(const std::string& folder, Fault::Call call, int error, store::LmdbOptions options = {}) {
  return live([&] {
    auto store = store::openLmdbStore(folder, options);
    KJ_REQUIRE(commit(*store, "before") == Result::COMMITTED);
    Fault fault(folder, call, error, Fault::Times::ALWAYS);
    commit(*store, "after");
    return GOOD;
  });
}

void expectEnded(const End& end, const std::string& word) {
  CHECK(end.exitCode == store::EXIT_DISK_FAILED);
  CHECK(end.lastWords.find(word) != std::string::npos);
  CHECK(end.lastWords.find("critical") != std::string::npos);
  CHECK(std::count(end.lastWords.begin(), end.lastWords.end(), '\n') == 1);
}

TEST_CASE("a failed sync ends the process with one line") {
  ScratchFolder folder;
  expectEnded(meet(folder.path(), Fault::Call::SYNC, EIO), "Input/output error");
}

TEST_CASE("a failed write ends the process") {
  ScratchFolder folder;
  expectEnded(meet(folder.path(), Fault::Call::DATA_WRITE, EIO), "Input/output error");
}

TEST_CASE("a meta page that may or may not be on disk ends the process, for lack of space too") {
  ScratchFolder folder;
  expectEnded(meet(folder.path(), Fault::Call::META_WRITE, EIO), "Input/output error");
  expectEnded(meet(folder.path(), Fault::Call::META_WRITE, ENOSPC), "No space left");
}

TEST_CASE("a sync that hangs ends the process") {
  ScratchFolder folder;
  expectEnded(meet(folder.path(), Fault::Call::HANGING_SYNC, 0, {.commitLimit = std::chrono::milliseconds(20)}),
              "has not ended for 20 ms");
}

TEST_CASE("a store that died of a fault is whole when it is opened again") {
  ScratchFolder folder;
  meet(folder.path(), Fault::Call::SYNC, EIO);
  auto end = live([&] {
    auto store = store::openLmdbStore(folder.path());
    return has(*store, "before") && commit(*store, "next") == Result::COMMITTED ? GOOD : BAD;
  });
  CHECK(end.exitCode == GOOD);
}

// Some file systems find out only at the sync: until it has succeeded no meta page leads to what the batch wrote.
TEST_CASE("a full disk aborts the batch and the store goes on") {
  auto call = GENERATE(Fault::Call::DATA_WRITE, Fault::Call::SYNC);
  ScratchFolder folder;
  auto end = live([&] {
    auto store = store::openLmdbStore(folder.path());
    KJ_REQUIRE(commit(*store, "before") == Result::COMMITTED);
    {
      Fault fault(folder.path(), call, ENOSPC, Fault::Times::ONCE);
      KJ_REQUIRE(commit(*store, "aborted") == Result::ABORTED);
    }
    KJ_REQUIRE(store->state() == env::StoreState::OPEN);
    KJ_REQUIRE(commit(*store, "after") == Result::COMMITTED);
    return has(*store, "before") && !has(*store, "aborted") && has(*store, "after") ? GOOD : BAD;
  });
  CHECK(end.exitCode == GOOD);
  CHECK(end.lastWords == "");
}

TEST_CASE("a disk that refuses while the store is opened is an error, not the end") {
  ScratchFolder folder;
  auto end = live([&] {
    store::openLmdbStore(folder.path());
    Fault fault(folder.path(), Fault::Call::SYNC, EIO, Fault::Times::ALWAYS);
    store::openLmdbStore(folder.path());
    return GOOD;
  });
  CHECK(end.exitCode == BAD);
  CHECK(end.lastWords.find(folder.path()) != std::string::npos);
}

// In a process of its own too: a broken environment is never closed.
TEST_CASE("pages that LMDB finds broken stop one store and not the process") {
  ScratchFolder folder, other;
  auto end = live([&] {
    auto store = store::openLmdbStore(folder.path());
    for (int i = 0; i < 1'000; ++i) store->submit(smallSet(*store, "key/" + std::to_string(i)));
    KJ_REQUIRE(commit(*store, "last") == Result::COMMITTED);
    breakBranchPages(folder.path() + "/store.mdb");
    auto reader = store->newReader();
    reader->renew();
    auto failure = kj::runCatchingExceptions([&] { reader->get("key/77"); });
    KJ_REQUIRE(KJ_REQUIRE_NONNULL(failure).getType() == kj::Exception::Type::FAILED);
    reader->reset();
    KJ_REQUIRE(commit(*store, "key/77") == Result::ABORTED);
    KJ_REQUIRE(store->state() == env::StoreState::CORRUPT);
    KJ_REQUIRE(!store->submit(smallSet(*store, "refused")).has_value());
    auto healthy = store::openLmdbStore(other.path());
    return commit(*healthy, "key") == Result::COMMITTED ? GOOD : BAD;
  });
  CHECK(end.exitCode == GOOD);
  CHECK(end.lastWords == "");
}

}  // namespace

}  // namespace meridian::crash
