// A bit of a stored value flips in LMDB's file while no process has it open. The actor whose value it is cannot be read, and says
// which key is damaged; all others can, and go on.

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runtime/actor/store-keys.h"
#include "runtime/base/random.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/recording.h"
#include "tests/integration/store-crash/stage.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 64 << 20;
constexpr unsigned TURNS = 3;                // of each ledger
constexpr size_t VALUE_BYTES_MIN = 16;       // shorter ones may lie elsewhere in the file by chance
constexpr unsigned FLIPS = 60;

struct Value {
  unsigned ledger;
  std::string key;                    // the ledger's own
  std::string bytes;
};

class World {
 public:
  World(): folder_(tests::memoryPlace()) {
    spdlog::set_level(spdlog::level::off);   // actors are set aside on purpose
  }
  ~World() { spdlog::set_level(spdlog::level::info); }

  // Runs `work` in a store's life.
  template <typename Work>
  void live(Work&& work) {
    auto store = store::openLmdbStore(folder_.path(), {.mapBytes = MAP_BYTES});
    stage_.open(*store);
    KJ_DEFER(stage_.close());
    work(*store);
  }

  kj::Maybe<kj::Exception> write(unsigned ledger, uint64_t salt) {
    return kj::runCatchingExceptions([&] {
      auto request = stage_.ledger(ledger).writeRequest();
      request.setSalt(salt);
      stage_.finish(request.send());
    });
  }

  kj::Maybe<kj::Exception> read(unsigned ledger) {
    return kj::runCatchingExceptions([&] { stage_.finish(stage_.ledger(ledger).readRequest().send()); });
  }

  // All copies of these bytes in the file, of now and of before, get one bit flipped.
  void flip(const std::string& bytes, Random& random) {
    auto path = folder_.path() + "/store.mdb";
    std::ifstream stream(path, std::ios::binary);
    std::string file{std::istreambuf_iterator<char>(stream), {}};
    int fd;
    KJ_SYSCALL(fd = open(path.c_str(), O_WRONLY | O_CLOEXEC));
    kj::AutoCloseFd owned(fd);
    size_t at = random.below(bytes.size());
    char flipped = static_cast<char>(bytes[at] ^ 1 << random.below(8));
    size_t copies = 0;
    for (size_t found = file.find(bytes); found != std::string::npos; found = file.find(bytes, found + 1), ++copies) {
      KJ_SYSCALL(pwrite(fd, &flipped, 1, static_cast<off_t>(found + at)));
    }
    KJ_REQUIRE(copies > 0, "the value is not in the file");
  }

 private:
  tests::ScratchFolder folder_;
  Stage stage_;
};

std::vector<Value> valuesOf(env::Store& store) {
  std::vector<Value> values;
  auto reader = store.newReader();
  reader->renew();
  for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) {
    auto number = reader->get(actor::nameKey({"Ledger", ledgerName(ledger)}));
    auto prefix = actor::storageKey(actor::decodeNumber(*number), "");
    reader->scan(prefix, [&](const env::Row& row) {
      if (!row.key().starts_with(prefix)) return env::Reader::Visit::STOP;
      if (row.value().size() >= VALUE_BYTES_MIN) {
        values.push_back({ledger, std::string(row.key().substr(prefix.size())), std::string(row.value())});
      }
      return env::Reader::Visit::GO_ON;
    });
  }
  return values;
}

std::vector<Value> fill(World& world) {
  std::vector<Value> values;
  world.live([&](env::Store& store) {
    for (uint64_t salt = 1; salt <= TURNS * LEDGERS; ++salt) REQUIRE(world.write(salt % LEDGERS, salt) == nullptr);
    values = valuesOf(store);
  });
  return values;
}

TEST_CASE("a flipped bit in LMDB's file is found, named, and costs its own actor only") {
  Random random(1);
  for (unsigned flip = 0; flip < FLIPS; ++flip) {
    World world;
    auto values = fill(world);
    const auto& damaged = values[random.below(values.size())];
    CAPTURE(damaged.ledger, damaged.key, damaged.bytes.size());
    world.flip(damaged.bytes, random);
    world.live([&](env::Store& store) {
      for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) {
        auto failure = world.read(ledger);
        if (ledger != damaged.ledger) {
          CHECK(failure == nullptr);
          CHECK(world.write(ledger, 1) == nullptr);
          continue;
        }
        std::string said = KJ_REQUIRE_NONNULL(failure).getDescription().cStr();
        CAPTURE(said);
        CHECK(said.find("set aside") != std::string::npos);
        CHECK(said.find("Ledger") != std::string::npos);
        CHECK(said.find("= " + ledgerName(ledger) + ";") != std::string::npos);
        CHECK(said.find("its key " + damaged.key) != std::string::npos);
      }
      CHECK(store.state() == env::StoreState::OPEN);
    });
  }
}

}  // namespace

}  // namespace meridian::crash
