#include "runtime/store/lmdb-store.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/store/await-durable.h"
#include "runtime/store/format.h"
#include "runtime/store/store-contract.h"
#include "tests/scratch-folder.h"

namespace meridian::store {

namespace {

using tests::ScratchFolder;

// LMDB's own view of a closed store's file, for tests that look or reach below the store.
class RawFile {
 public:
  explicit RawFile(const std::string& folder) {
    REQUIRE(mdb_env_create(&env_) == 0);
    REQUIRE(mdb_env_set_maxdbs(env_, 3) == 0);
    REQUIRE(mdb_env_open(env_, (folder + "/store.mdb").c_str(), MDB_NOSUBDIR, 0600) == 0);
    REQUIRE(mdb_txn_begin(env_, nullptr, 0, &txn_) == 0);
  }
  ~RawFile() {
    mdb_txn_commit(txn_);
    mdb_env_close(env_);
  }

  // Replaces what is stored under the key as it is, checksum and all.
  void replace(const char* table, std::string key, std::string bytes) {
    MDB_dbi dbi;
    REQUIRE(mdb_dbi_open(txn_, table, 0, &dbi) == 0);
    MDB_val keyVal{key.size(), key.data()};
    MDB_val value{bytes.size(), bytes.data()};
    REQUIRE(mdb_put(txn_, dbi, &keyVal, &value, 0) == 0);
  }

  std::string stored(const char* table, std::string key) {
    MDB_dbi dbi;
    REQUIRE(mdb_dbi_open(txn_, table, 0, &dbi) == 0);
    MDB_val keyVal{key.size(), key.data()};
    MDB_val value;
    REQUIRE(mdb_get(txn_, dbi, &keyVal, &value) == 0);
    return {static_cast<const char*>(value.mv_data), value.mv_size};
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
};

// A process that, when told, opens the store and leaves it again. It is forked before the test opens a store and so has
// threads.
class OtherOwner {
 public:
  explicit OtherOwner(const std::string& folder, const LmdbOptions& options) {
    int toChild[2];
    KJ_SYSCALL(pipe2(toChild, O_CLOEXEC));
    KJ_SYSCALL(child_ = fork());
    if (child_ == 0) {
      close(toChild[1]);
      char go;
      if (read(toChild[0], &go, 1) != 1) _exit(0);
      auto failure = kj::runCatchingExceptions([&] { openLmdbStore(folder, options); });
      _exit(failure == nullptr ? 0 : 1);
    }
    close(toChild[0]);
    go_ = kj::AutoCloseFd(toChild[1]);
  }
  ~OtherOwner() {
    if (child_ > 0) finish();
  }

  void openAndLeave() {
    KJ_SYSCALL(write(go_, "g", 1));
    REQUIRE(finish() == 0);
  }

 private:
  int finish() {
    go_ = nullptr;
    int status;
    KJ_SYSCALL(waitpid(child_, &status, 0));
    child_ = 0;
    return status;
  }

  pid_t child_ = 0;
  kj::AutoCloseFd go_;
};

class LmdbBed final: public StoreBed {
 public:
  kj::Own<env::Store> open() override { return openLmdbStore(folder_.path(), OPTIONS); }

  void settle(env::Store& store) override {
    store.flush();
    awaitDurable(store, store.submitted());
  }

  bool canCrash() const override { return false; }
  void crash(kj::Own<env::Store>) override { KJ_UNREACHABLE; }

  void depose() override { other_.openAndLeave(); }

  env::WriteSet doomed(env::Epoch epoch) override {
    env::WriteSet set{.epoch = epoch};
    for (size_t bytes = 0; bytes <= OPTIONS.mapBytes; bytes += env::Store::VALUE_MAX) {
      set.writes.push_back({"large/" + std::to_string(bytes), std::string(env::Store::VALUE_MAX, 'x')});
    }
    return set;
  }

  void damage(const std::string& key) override {
    RawFile file(folder_.path());
    auto bytes = file.stored("rows", key);
    bytes[0] ^= 1;
    file.replace("rows", key, bytes);
  }

 private:
  static constexpr LmdbOptions OPTIONS{.mapBytes = 16 << 20};

  ScratchFolder folder_;
  OtherOwner other_{folder_.path(), OPTIONS};
};

// What openLmdbStore says about a store that it cannot open.
std::string refusal(const std::string& folder, const LmdbOptions& options = {}) {
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] { openLmdbStore(folder, options); })) {
    return exception->getDescription().cStr();
  }
  return "";
}

TEST_CASE("the LMDB store keeps the contract") {
  for (const auto& clause : storeContract()) {
    DYNAMIC_SECTION(clause.name) {
      LmdbBed bed;
      clause.check(bed);
    }
  }
}

TEST_CASE("a store's folders and file belong to the owner alone") {
  ScratchFolder folder;
  openLmdbStore(folder.path() + "/state/server");
  auto mode = [](const std::string& path) { return std::filesystem::status(path).permissions(); };
  CHECK(mode(folder.path() + "/state") == std::filesystem::perms(0700));
  CHECK(mode(folder.path() + "/state/server") == std::filesystem::perms(0700));
  CHECK(mode(folder.path() + "/state/server/store.mdb") == std::filesystem::perms(0600));
}

TEST_CASE("a store that cannot be opened is refused with its place") {
  ScratchFolder folder;
  std::ofstream(folder.path() + "/file") << "not a folder";
  CHECK(refusal(folder.path() + "/file").find(folder.path() + "/file") != std::string::npos);
  CHECK(refusal(folder.path() + "/file/below").find("not a folder") != std::string::npos);

  std::filesystem::create_directory(folder.path() + "/other");
  std::ofstream(folder.path() + "/other/store.mdb") << std::string(10'000, 'x');
  CHECK(refusal(folder.path() + "/other").find(folder.path() + "/other/store.mdb") != std::string::npos);
}

TEST_CASE("a crash while a store is made leaves nothing in the way") {
  ScratchFolder folder;
  std::ofstream(folder.path() + "/store.mdb.new") << std::string(10'000, 'x');
  openLmdbStore(folder.path());
  CHECK(refusal(folder.path()) == "");
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/store.mdb.new"));
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/store.mdb.new-lock"));
}

TEST_CASE("a store of a newer format is refused and left as it is") {
  ScratchFolder folder;
  openLmdbStore(folder.path());
  auto newer = encode(Meta{.format = FORMAT + 1, .term = 7, .lsn = 9}) + "a field of tomorrow";
  std::string sealed(sealedSize(newer.size()), 0);
  seal(sealed, Meta::KEY, newer);
  RawFile(folder.path()).replace("meta", std::string(Meta::KEY), sealed);
  CHECK(refusal(folder.path()).find("newer build") != std::string::npos);
  CHECK(RawFile(folder.path()).stored("meta", std::string(Meta::KEY)) == sealed);
}

TEST_CASE("a damaged meta record is refused") {
  ScratchFolder folder;
  openLmdbStore(folder.path());
  RawFile(folder.path()).replace("meta", std::string(Meta::KEY), std::string(24, 'x'));
  CHECK(refusal(folder.path()).find("checksum") != std::string::npos);
}

TEST_CASE("readers are bounded") {
  ScratchFolder folder;
  auto store = openLmdbStore(folder.path());
  std::vector<kj::Own<env::Reader>> readers;
  for (unsigned i = 0; i < READERS_MAX; ++i) readers.push_back(store->newReader());
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] { store->newReader(); })) {
    CHECK(exception->getType() == kj::Exception::Type::OVERLOADED);
    CHECK(std::string(exception->getDescription().cStr()).find("MDB_READERS_FULL") != std::string::npos);
  } else {
    FAIL("a reader too many was made");
  }
  readers.pop_back();
  store->newReader()->renew();
}

TEST_CASE("a map for which there is no address space is refused with what to do") {
  ScratchFolder folder;
  auto words = refusal(folder.path(), {.mapBytes = 1ull << 47});
  CHECK(words.find("ulimit -v") != std::string::npos);
  CHECK(words.find(folder.path()) != std::string::npos);
}

}  // namespace

}  // namespace meridian::store
