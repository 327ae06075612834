// A store whose map is full, as actors and their callers see it: what does not fit is refused with the bound, and everything
// else goes on: reads, erasing, other actors, the next process. Erasing makes room again.

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/recording.h"
#include "tests/integration/store-crash/stage.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 512 << 10;
constexpr unsigned TURNS_MAX = 10'000;

kj::Promise<uint64_t> written(Ledger::Client ledger, uint64_t salt) {
  auto request = ledger.writeRequest();
  request.setSalt(salt);
  return request.send().then([](auto&& answer) { return answer.getTurns(); });
}

struct State {
  std::vector<uint64_t> turns;
  std::vector<uint64_t> digests;

  friend bool operator==(const State&, const State&) = default;
};

class World {
 public:
  World(): folder_(tests::memoryPlace()) {
    spdlog::set_level(spdlog::level::off);   // the map fills on purpose
    open();
  }
  ~World() {
    close();
    spdlog::set_level(spdlog::level::info);
  }

  void reopen() {
    close();
    open();
  }

  uint64_t write(unsigned ledger, uint64_t salt) { return stage_.finish(written(stage_.ledger(ledger), salt)); }

  // Writes to ledgers in turn until one is refused. The connection has ended with it; the next call opens another.
  kj::Exception fill() {
    for (uint64_t salt = 1; salt < TURNS_MAX; ++salt) {
      KJ_IF_MAYBE(refusal, kj::runCatchingExceptions([&] { write(salt % LEDGERS, salt); })) {
        stage_.settle();
        return kj::mv(*refusal);
      }
    }
    KJ_FAIL_REQUIRE("the map is never full");
  }

  State read() {
    State state;
    for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) {
      auto found = stage_.finish(stage_.ledger(ledger).readRequest().send());
      state.turns.push_back(found.getSalts().size());
      state.digests.push_back(found.getDigest());
    }
    return state;
  }

  void clear(unsigned ledger) { stage_.finish(stage_.ledger(ledger).clearRequest().send().ignoreResult()); }

  env::StoreState state() { return store_->state(); }

 private:
  void open() {
    store_ = store::openLmdbStore(folder_.path(), {.mapBytes = MAP_BYTES});
    stage_.open(*store_);
  }
  void close() {
    stage_.close();
    store_ = nullptr;
  }

  tests::ScratchFolder folder_;
  Stage stage_;
  kj::Own<env::Store> store_;
};

TEST_CASE("what does not fit into the map is refused with its bound, and nothing else changes") {
  World world;
  std::string said = world.fill().getDescription().cStr();
  CAPTURE(said);
  CHECK(said.find("full") != std::string::npos);
  CHECK(said.find(std::to_string(MAP_BYTES)) != std::string::npos);
  CHECK(world.state() == env::StoreState::OPEN);
  auto before = world.read();
  // Again and again: a refusal costs nothing of what is there.
  for (int i = 0; i < 20; ++i) world.fill();
  auto after = world.read();
  for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) CHECK(after.turns[ledger] >= before.turns[ledger]);
  world.reopen();
  CHECK(world.read() == after);
}

TEST_CASE("erasing works in a full map and makes room") {
  World world;
  for (int i = 0; i < 20; ++i) world.fill();
  bool isReopened = GENERATE(false, true);
  if (isReopened) world.reopen();
  auto before = world.read();
  for (unsigned ledger = 0; ledger < LEDGERS / 2; ++ledger) world.clear(ledger);
  auto after = world.read();
  for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) {
    CHECK(after.turns[ledger] == (ledger < LEDGERS / 2 ? 0 : before.turns[ledger]));
  }
  for (unsigned ledger = 0; ledger < LEDGERS / 4; ++ledger) CHECK(world.write(ledger, ledger + 1) == 1);
}

}  // namespace

}  // namespace meridian::crash
