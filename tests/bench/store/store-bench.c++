// How many durable write sets a second the LMDB store commits with a given number in flight, beside a floor in the same run: a
// plain loop that puts as many keys and commits, with no queue, thread, checksum, term or LSN. Both write one key of a hundred
// bytes each, on the disk that holds the scratch folder. Store and floor take turns in each round; medians are shown.

#include <lmdb.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/base/random.h"
#include "runtime/store/await-durable.h"
#include "runtime/store/lmdb-store.h"
#include "tests/scratch-folder.h"

namespace meridian::bench {

namespace {

constexpr uint64_t KEYS = 10'000;
constexpr size_t VALUE_BYTES = 100;
constexpr size_t MAP_BYTES = 1ul << 30;
constexpr size_t IN_FLIGHT[] = {1, 64, 256};

struct Effort {
  unsigned rounds;
  unsigned batches;                   // in a round, for each number in flight
};
constexpr Effort FULL{.rounds = 31, .batches = 60};
constexpr Effort SHORT{.rounds = 1, .batches = 5};

std::string randomKey(Random& random) { return "key/" + std::to_string(random.below(KEYS)); }

double perSecond(size_t count, std::chrono::steady_clock::time_point since) {
  return count / std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

class Floor {
 public:
  explicit Floor(const std::string& folder) {
    require(mdb_env_create(&env_));
    require(mdb_env_set_mapsize(env_, MAP_BYTES));
    require(mdb_env_open(env_, (folder + "/floor.mdb").c_str(), MDB_NOSUBDIR, 0600));
  }
  ~Floor() { mdb_env_close(env_); }

  double run(size_t inFlight, unsigned batches, Random& random) {
    auto since = std::chrono::steady_clock::now();
    for (unsigned batch = 0; batch < batches; ++batch) commit(inFlight, random);
    return perSecond(inFlight * batches, since);
  }

 private:
  static void require(int code) {
    if (code != 0) throw std::runtime_error(mdb_strerror(code));
  }

  void commit(size_t puts, Random& random) {
    MDB_txn* txn;
    MDB_dbi table;
    require(mdb_txn_begin(env_, nullptr, 0, &txn));
    require(mdb_dbi_open(txn, nullptr, 0, &table));
    std::string value(VALUE_BYTES, 'v');
    for (size_t i = 0; i < puts; ++i) {
      auto key = randomKey(random);
      MDB_val keyVal{key.size(), key.data()};
      MDB_val valueVal{value.size(), value.data()};
      require(mdb_put(txn, table, &keyVal, &valueVal, 0));
    }
    require(mdb_txn_commit(txn));
  }

  MDB_env* env_ = nullptr;
};

// Keeps as many write sets in flight until all are durable.
double runStore(env::Store& store, size_t inFlight, unsigned batches, Random& random) {
  auto since = std::chrono::steady_clock::now();
  uint64_t first = store.submitted().value();
  uint64_t last = first + inFlight * batches;
  while (store.durable().value() < last) {
    while (store.submitted().value() < std::min(last, store.durable().value() + inFlight)) {
      store.submit({.writes = {{randomKey(random), std::string(VALUE_BYTES, 'v')}}, .epoch = store.epoch()});
    }
    store.flush();
    store::awaitDurable(store, Lsn(store.durable().value() + 1));
  }
  return perSecond(last - first, since);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Row {
  size_t inFlight;
  double store;                       // write sets a second
  double floor;
  double setsPerBatch;
};

Row measure(env::Store& store, Floor& floor, size_t inFlight, const Effort& effort, Random& random) {
  std::vector<double> storeRates, floorRates;
  auto before = store.counters();
  for (unsigned round = 0; round < effort.rounds; ++round) {
    floorRates.push_back(floor.run(inFlight, effort.batches, random));
    storeRates.push_back(runStore(store, inFlight, effort.batches, random));
  }
  auto after = store.counters();
  return {inFlight, median(storeRates), median(floorRates),
          double(after.writeSets - before.writeSets) / (after.batches - before.batches)};
}

void printText(const std::vector<Row>& rows) {
  printf("durable write sets a second (LMDB, default sync)\n");
  printf("%10s %12s %12s %8s %15s\n", "in flight", "store", "floor", "ratio", "sets a batch");
  for (const auto& row : rows) {
    printf("%10zu %12.0f %12.0f %8.2f %15.1f\n", row.inFlight, row.store, row.floor, row.store / row.floor, row.setsPerBatch);
  }
}

void printJson(const std::vector<Row>& rows) {
  auto json = nlohmann::json::array();
  for (const auto& row : rows) {
    json.push_back({{"in_flight", row.inFlight},
                    {"store_per_second", row.store},
                    {"floor_per_second", row.floor},
                    {"ratio", row.store / row.floor},
                    {"sets_per_batch", row.setsPerBatch}});
  }
  printf("%s\n", json.dump(2).c_str());
}

}  // namespace

}  // namespace meridian::bench

int main(int argc, char** argv) {
  using namespace meridian;
  CLI::App app("Durable write sets a second of the LMDB store, beside plain LMDB.");
  bool isJson = false;
  bool isShort = false;
  std::string parent = std::filesystem::temp_directory_path();
  app.add_flag("--json", isJson, "an array of objects instead of a table");
  app.add_flag("--short", isShort, "one round: shows that it runs, measures nothing");
  app.add_option("--folder", parent, "where to put the scratch folder: its disk is what is measured");
  CLI11_PARSE(app, argc, argv);
  try {
    tests::ScratchFolder folder(parent);
    bench::Floor floor(folder.path());
    auto store = store::openLmdbStore(folder.path(), {.mapBytes = bench::MAP_BYTES});
    Random random(1);
    std::vector<bench::Row> rows;
    for (size_t inFlight : bench::IN_FLIGHT) {
      rows.push_back(bench::measure(*store, floor, inFlight, isShort ? bench::SHORT : bench::FULL, random));
    }
    isJson ? bench::printJson(rows) : bench::printText(rows);
  } catch (const std::exception& error) {
    fprintf(stderr, "store-bench: %s\n", error.what());
    return 1;
  }
}
