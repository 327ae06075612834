// How many crash states a second are judged (tests/integration/store-crash), on one process, and where the time goes. The floor, in
// the same run: a state's file is laid, opened by plain LMDB and walked, and nothing is asked of it.

#include <fcntl.h>
#include <lmdb.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/integration/store-crash/jury.h"
#include "tests/integration/store-crash/workload.h"
#include "tests/scratch-folder.h"

namespace meridian::bench {

namespace {

using namespace crash;

constexpr size_t MAP_BYTES = 64 << 20;
constexpr unsigned TABLES = 3;

void require(int code) {
  if (code != 0) throw std::runtime_error(mdb_strerror(code));
}

size_t walk(MDB_env* env) {
  MDB_txn* txn;
  MDB_dbi table;
  MDB_cursor* cursor;
  require(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn));
  require(mdb_dbi_open(txn, "rows", 0, &table));
  require(mdb_cursor_open(txn, table, &cursor));
  MDB_val key, value;
  size_t rows = 0;
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) ++rows;
  mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
  return rows;
}

void write(const std::string& path, const std::string& bytes) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot make " + path);
  ssize_t written = ::write(fd, bytes.data(), bytes.size());
  close(fd);
  if (written != static_cast<ssize_t>(bytes.size())) throw std::runtime_error("cannot write " + path);
}

// States a second.
double measureFloor(const Recording& recording, const CrashOptions& options) {
  tests::ScratchFolder folder(tests::memoryPlace());
  auto path = folder.path() + "/store.mdb";
  uint64_t states = 0;
  auto since = std::chrono::steady_clock::now();
  forEachCrashState(recording, options, [&](const CrashState& state) {
    states += 1;
    if (!state.exists) return;
    write(path, state.file());
    MDB_env* env;
    require(mdb_env_create(&env));
    require(mdb_env_set_mapsize(env, MAP_BYTES));
    require(mdb_env_set_maxdbs(env, TABLES));
    require(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR, 0600));
    walk(env);
    mdb_env_close(env);
  });
  return states / std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

double secondsOf(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void printText(const Sentence& sentence, double floor) {
  double rate = sentence.states / secondsOf(sentence.wall);
  printf("crash states a second, one process: %.0f (floor %.0f, ratio %.2f; %lu states, %lu bad)\n", rate, floor, rate / floor,
         sentence.states, sentence.bad());
  for (size_t phase = 0; phase < PHASES; ++phase) {
    double seconds = secondsOf(sentence.spent[phase]);
    printf("  %-10s %7.0f us a state  %4.0f %%\n", nameOf(static_cast<Phase>(phase)), seconds * 1e6 / sentence.states,
           100 * seconds / secondsOf(sentence.wall));
  }
}

void printJson(const Sentence& sentence, double floor) {
  double rate = sentence.states / secondsOf(sentence.wall);
  nlohmann::json phases;
  for (size_t phase = 0; phase < PHASES; ++phase) {
    phases[nameOf(static_cast<Phase>(phase))] = secondsOf(sentence.spent[phase]) * 1e6 / sentence.states;
  }
  nlohmann::json json{{"states_per_second", rate}, {"floor_per_second", floor}, {"ratio", rate / floor},
                      {"states", sentence.states}, {"bad", sentence.bad()},     {"us_per_state", phases}};
  printf("%s\n", json.dump(2).c_str());
}

}  // namespace

}  // namespace meridian::bench

int main(int argc, char** argv) {
  using namespace meridian;
  CLI::App app("Crash states judged a second, on one process.");
  bool isJson = false;
  bool isShort = false;
  app.add_flag("--json", isJson, "an object instead of lines");
  app.add_flag("--short", isShort, "a small workload: shows that it runs, measures nothing");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);   // the workload fills the disk on purpose
  try {
    tests::ScratchFolder folder;
    crash::WorkloadOptions workload;
    if (isShort) workload = {.lives = 1, .callsPerLife = 20};
    auto recording = crash::runWorkload(folder.path(), 1, workload);
    crash::JuryOptions options{.crash = {.variants = 2}, .processes = 1};
    double floor = bench::measureFloor(recording, options.crash);
    auto sentence = crash::judgeAll(recording, options);
    isJson ? bench::printJson(sentence, floor) : bench::printText(sentence, floor);
    return sentence.bad() == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fprintf(stderr, "crash-bench: %s\n", error.what());
    return 1;
  }
}
