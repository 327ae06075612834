// The crash-state proof of the LMDB store: a workload runs while all writes below LMDB are recorded; then, for every moment
// at which the power could have failed and for many ways in which the disk could have been left, the store is opened on just
// that and must hold all write sets that it had acknowledged and none by halves, and go on from there.
//
// Each state is judged in a process of its own, since broken pages can end a process. So that the proof can fail, the same
// is done with all syncs taken out of the recording, and must find losses.

#include <kj/exception.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/base/random.h"
#include "runtime/store/await-durable.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/crash-states.h"
#include "tests/integration/store-crash/workload.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 64 << 20;
constexpr unsigned REPORTED_MAX = 5;  // bad states that are described
constexpr unsigned STATES_MIN = 300;

// In memory where there is such a place: syncs to a real disk prove nothing more here.
std::filesystem::path scratchParent() {
  std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

using tests::ScratchFolder;
using Digests = std::map<uint64_t, uint64_t>;

std::string judgeContents(env::Store& store, const CrashState& state, const Digests& digests) {
  auto reader = store.newReader();
  reader->renew();
  uint64_t lsn = reader->lsn().value();
  if (lsn < state.acknowledged.lsn.value()) {
    return "lost: acknowledged up to " + std::to_string(state.acknowledged.lsn.value()) + ", holds " + std::to_string(lsn);
  }
  auto expected = digests.find(lsn);
  if (expected == digests.end()) return "holds LSN " + std::to_string(lsn) + ", which was never committed";
  if (digestOf(*reader) != expected->second) return "does not hold just the write sets up to " + std::to_string(lsn);
  if (store.submitted().value() != lsn) return "goes on from another LSN than it holds";
  if (store.term() <= state.acknowledged.term) return "the term did not grow";
  return "";
}

std::string judgeNextCommit(env::Store& store) {
  auto lsn = store.submit({.writes = {{"after the crash", "value"}}, .epoch = store.epoch()});
  if (!lsn) return "takes no write set";
  store.flush();
  store::awaitDurable(store, *lsn);
  auto reader = store.newReader();
  reader->renew();
  if (reader->get("after the crash") != "value") return "the next commit is not there";
  return "";
}

// What is wrong with the store in this folder; empty when nothing is.
std::string judge(const std::string& folder, const CrashState& state, const Digests& digests) {
  std::string verdict;
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] {
    auto store = store::openLmdbStore(folder, {.mapBytes = MAP_BYTES});
    verdict = judgeContents(*store, state, digests);
    if (verdict.empty()) verdict = judgeNextCommit(*store);
  })) {
    verdict = exception->getDescription().cStr();
  }
  return verdict;
}

struct Count {
  unsigned states = 0;
  unsigned bad = 0;
};

enum class Report { BAD_STATES, NOTHING };

class Judge {
 public:
  Judge(const Digests& digests, Report report): digests_(digests), report_(report) {}

  void look(const CrashState& state) {
    count_.states += 1;
    if (isGood(state)) return;
    count_.bad += 1;
  }

  const Count& count() const { return count_; }

 private:
  bool isGood(const CrashState& state) {
    ScratchFolder folder(scratchParent());
    if (state.exists) std::ofstream(folder.path() + "/store.mdb", std::ios::binary) << state.file;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process for a crash state");
    if (child == 0) {
      // What LMDB says about a broken file is of no interest unless it is unexpected.
      if (!describes()) freopen("/dev/null", "w", stderr);
      auto verdict = judge(folder.path(), state, digests_);
      if (describes() && !verdict.empty()) printf("bad: %s: %s\n", state.label.c_str(), verdict.c_str());
      fflush(stdout);
      _exit(verdict.empty() ? 0 : 1);
    }
    int status;
    if (waitpid(child, &status, 0) != child) throw std::runtime_error("a crash state's process was lost");
    if (WIFSIGNALED(status) && describes()) printf("bad: %s: signal %d\n", state.label.c_str(), WTERMSIG(status));
    return status == 0;
  }

  bool describes() const { return report_ == Report::BAD_STATES && count_.bad < REPORTED_MAX; }

  const Digests& digests_;
  const Report report_;
  Count count_;
};

Count judgeAll(const Recording& recording, const CrashOptions& options, const Digests& digests, uint64_t seed,
               Report report) {
  Judge judge(digests, report);
  forEachCrashState(recording, options, Random(seed), [&](const CrashState& state) { judge.look(state); });
  return judge.count();
}

int run(uint64_t seed, bool isLong) {
  Workload workload(seed);
  ScratchFolder folder(scratchParent());
  auto recording = workload.run(folder.path(), isLong ? 100 : 30);
  auto real = judgeAll(recording, {.variants = isLong ? 3u : 1u}, workload.digests(), seed, Report::BAD_STATES);
  printf("%u crash states, %u bad (seed %lu)\n", real.states, real.bad, seed);

  // A short recording: without syncs everything stays pending to its end.
  Workload careless(seed + 1);
  ScratchFolder other(scratchParent());
  auto unsynced = careless.run(other.path(), 5).withoutSyncs();
  auto planted = judgeAll(unsynced, {.variants = 1}, careless.digests(), seed, Report::NOTHING);
  printf("with syncs taken out: %u crash states, %u bad, as must be\n", planted.states, planted.bad);
  return real.states >= STATES_MIN && real.bad == 0 && planted.bad > 0 ? 0 : 1;
}

}  // namespace

}  // namespace meridian::crash

int main(int argc, char** argv) {
  CLI::App app("Proves that no crash loses or halves what the LMDB store has acknowledged.");
  uint64_t seed = 1;
  bool isLong = false;
  app.add_option("--seed", seed, "of the workload and of the choices");
  app.add_flag("--long", isLong, "thousands of states");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);   // the workload fills the disk on purpose
  try {
    return meridian::crash::run(seed, isLong);
  } catch (const std::exception& error) {
    fprintf(stderr, "store-crash-test: %s\n", error.what());
    return 1;
  }
}
