// Each write and each sync of a workload fails once, in each way in which it can: EIO, ENOSPC, a write that is cut short. The store
// runs in a process of its own, which says what was committed and what was aborted; then the store is opened anew on a sound
// disk. All that was committed is there whole, nothing that was aborted is, and whoever opened it was told of an error, or the
// process has ended, or the store went on.

#include <kj/debug.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/random.h"
#include "runtime/store/await-durable.h"
#include "runtime/store/fatal.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/disk-tap.h"
#include "tests/integration/store-crash/life.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 64 << 20;
constexpr unsigned BATCHES = 14;
constexpr unsigned KEYS_PER_BATCH = 12;

enum class How { IO_ERROR, NO_SPACE, NO_SPACE_ANY_MORE, SHORT };

// Counts the writes and syncs of all files in a folder, and has one fail.
class NthFault final: public DiskTap {
 public:
  NthFault(const std::string& folder, unsigned nth, How how): folder_(folder), nth_(nth), how_(how) { setDiskTap(this); }
  ~NthFault() { setDiskTap(nullptr); }

  int mayWrite(FileId file, Durability) override {
    if (!isOurs(file)) return 0;
    lastFails_ = failsNow();
    return lastFails_ && how_ != How::SHORT ? error() : 0;
  }
  size_t lengthOf(FileId file, Durability, size_t bytes) override {
    return isOurs(file) && lastFails_ && how_ == How::SHORT && bytes > 1 ? bytes / 2 : bytes;
  }
  // A sync cannot be cut short.
  int maySync(FileId file) override { return isOurs(file) && failsNow() ? error() : 0; }

  unsigned count() const { return count_; }
  void repair() { nth_ = 0; }

 private:
  bool isOurs(FileId file) const {
    for (auto name : {"", "/store.mdb", "/store.mdb.new"}) {
      auto path = folder_ + name;
      if (std::filesystem::exists(path) && fileIdOf(path) == file) return true;
    }
    return false;
  }
  bool failsNow() {
    count_ += 1;
    return how_ == How::NO_SPACE_ANY_MORE ? nth_ != 0 && count_ >= nth_ : count_ == nth_;
  }
  int error() const { return how_ == How::NO_SPACE || how_ == How::NO_SPACE_ANY_MORE ? ENOSPC : EIO; }

  const std::string folder_;
  unsigned nth_;                      // from 1 on; 0: none
  const How how_;
  unsigned count_ = 0;
  bool lastFails_ = false;
};

// What the process says of itself, in memory that outlives it.
struct Diary {
  enum class Batch { NOT_TRIED, UNDER_WAY, COMMITTED, ABORTED };

  bool opened = false;
  Batch batches[BATCHES + 1] = {};    // the last one after the repair
  unsigned calls = 0;                 // writes and syncs

  unsigned count(Batch what) const { return static_cast<unsigned>(std::count(std::begin(batches), std::end(batches), what)); }
};

class SharedDiary {
 public:
  SharedDiary() {
    void* memory = mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    KJ_REQUIRE(memory != MAP_FAILED);
    diary_ = new (memory) Diary;
  }
  ~SharedDiary() { munmap(diary_, sizeof(Diary)); }
  KJ_DISALLOW_COPY(SharedDiary);

  Diary* operator->() { return diary_; }

 private:
  Diary* diary_;
};

std::string keyOf(unsigned batch, unsigned key) { return "batch/" + std::to_string(batch) + "/" + std::to_string(key); }

// Small values and large ones; every third batch also erases what the one three before has written, but for its first key.
env::WriteSet setOf(env::Store& store, unsigned batch) {
  env::WriteSet set{.journal = {"batch " + std::to_string(batch)}, .epoch = store.epoch()};
  Random random(batch);
  for (unsigned key = 0; key < KEYS_PER_BATCH; ++key) {
    size_t size = key % 4 == 3 ? 5'000 + random.below(40'000) : 10 + random.below(300);
    set.writes.push_back({keyOf(batch, key), std::string(size, static_cast<char>('a' + batch))});
  }
  if (batch % 3 == 0 && batch >= 3) {
    for (unsigned key = 1; key < KEYS_PER_BATCH; ++key) set.writes.push_back({keyOf(batch - 3, key), std::nullopt});
  }
  return set;
}

void commit(env::Store& store, unsigned batch, Diary::Batch& entry) {
  auto before = store.epoch();
  auto set = setOf(store, batch);
  entry = Diary::Batch::UNDER_WAY;
  auto lsn = store.submit(kj::mv(set));
  KJ_REQUIRE(lsn.has_value(), "the store takes no more");
  store.flush();
  store::awaitDurable(store, *lsn);
  entry = store.epoch() == before ? Diary::Batch::COMMITTED : Diary::Batch::ABORTED;
}

End run(const std::string& folder, unsigned nth, How how, SharedDiary& diary) {
  return live([&] {
    spdlog::set_level(spdlog::level::off);   // aborts are on purpose; the last words have a logger of their own
    NthFault fault(folder, nth, how);
    auto store = store::openLmdbStore(folder, {.mapBytes = MAP_BYTES});
    diary->opened = true;
    for (unsigned batch = 0; batch < BATCHES; ++batch) {
      commit(*store, batch, diary->batches[batch]);
      diary->calls = fault.count();
    }
    fault.repair();
    commit(*store, BATCHES, diary->batches[BATCHES]);
    return store->state() == env::StoreState::OPEN ? GOOD : BAD;
  });
}

bool has(env::Reader& reader, unsigned batch, unsigned key) {
  auto value = reader.get(keyOf(batch, key));
  return value.has_value() && value->front() == static_cast<char>('a' + batch);
}

// On a sound disk. A batch that was under way is there or not, but not by halves.
void expectKept(const std::string& folder, SharedDiary& diary) {
  auto store = store::openLmdbStore(folder, {.mapBytes = MAP_BYTES});
  auto reader = store->newReader();
  reader->renew();
  for (unsigned batch = 0; batch <= BATCHES; ++batch) {
    CAPTURE(batch);
    bool isThere = has(*reader, batch, 0);
    if (diary->batches[batch] == Diary::Batch::COMMITTED) CHECK(isThere);
    if (diary->batches[batch] == Diary::Batch::ABORTED || diary->batches[batch] == Diary::Batch::NOT_TRIED) CHECK(!isThere);
    bool erased = batch + 3 <= BATCHES && (batch + 3) % 3 == 0 && has(*reader, batch + 3, 0);
    for (unsigned key = 1; key < KEYS_PER_BATCH; ++key) CHECK(has(*reader, batch, key) == (isThere && !erased));
  }
  reader->reset();
  auto entry = Diary::Batch::NOT_TRIED;
  commit(*store, BATCHES + 1, entry);
  CHECK(entry == Diary::Batch::COMMITTED);
}

enum class Outcome { NOT_OPENED, ENDED, WENT_ON };

// How the process took the fault, which it may take only in these ways.
Outcome judge(const End& end, How how, const std::string& folder, SharedDiary& diary) {
  CAPTURE(end.exitCode, end.lastWords);
  unsigned aborted = diary->count(Diary::Batch::ABORTED);
  if (!diary->opened) {
    CHECK(end.exitCode == BAD);
    CHECK(end.lastWords.find(folder) != std::string::npos);
    return Outcome::NOT_OPENED;
  }
  if (end.exitCode == store::EXIT_DISK_FAILED) {
    CHECK(std::count(end.lastWords.begin(), end.lastWords.end(), '\n') >= 1);
    CHECK(end.lastWords.find("critical") != std::string::npos);
    CHECK(diary->count(Diary::Batch::UNDER_WAY) == 1);
    return Outcome::ENDED;
  }
  CHECK(end.exitCode == GOOD);
  CHECK(how != How::IO_ERROR);
  if (how != How::NO_SPACE_ANY_MORE) CHECK(aborted <= 1);
  CHECK(diary->batches[BATCHES] == Diary::Batch::COMMITTED);
  return Outcome::WENT_ON;
}

unsigned callsOfWorkload() {
  tests::ScratchFolder folder(tests::memoryPlace());
  SharedDiary diary;
  REQUIRE(run(folder.path(), 0, How::IO_ERROR, diary).exitCode == GOOD);
  REQUIRE(diary->count(Diary::Batch::COMMITTED) == BATCHES + 1);
  return diary->calls;
}

TEST_CASE("whichever write or sync fails, and however, nothing committed is lost and nothing aborted is there") {
  auto how = GENERATE(How::IO_ERROR, How::NO_SPACE, How::NO_SPACE_ANY_MORE, How::SHORT);
  unsigned calls = callsOfWorkload();
  REQUIRE(calls > 3 * BATCHES);
  unsigned outcomes[3] = {}, aborted = 0;
  for (unsigned nth = 1; nth <= calls; ++nth) {
    CAPTURE(static_cast<int>(how), nth);
    tests::ScratchFolder folder(tests::memoryPlace());
    SharedDiary diary;
    auto end = run(folder.path(), nth, how, diary);
    outcomes[static_cast<size_t>(judge(end, how, folder.path(), diary))] += 1;
    aborted += diary->count(Diary::Batch::ABORTED);
    expectKept(folder.path(), diary);
  }
  // Each way is taken, where it can be.
  CHECK((outcomes[static_cast<size_t>(Outcome::NOT_OPENED)] > 0 || how == How::SHORT));
  CHECK(outcomes[static_cast<size_t>(Outcome::ENDED)] > 0);
  CHECK((outcomes[static_cast<size_t>(Outcome::WENT_ON)] > 0) == (how != How::IO_ERROR));
  CHECK((aborted > 0) == (how != How::IO_ERROR));
}

}  // namespace

}  // namespace meridian::crash
