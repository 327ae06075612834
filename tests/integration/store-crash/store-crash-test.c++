// The crash-state proof: several hundred turns of many actors run on the real host and the real LMDB store while all writes
// below LMDB are recorded, and all replies and calls that leave. Then, for every moment at which the power could have failed and
// for many ways in which the disk could have been left, store and host are opened on just that. No turn may be there by halves,
// nothing that was told outside may be undone, and the next turn must go well.
//
// So that the proof can fail, the recording is shown to be the whole of what the file became, and the same judgement is
// made with all syncs taken out of it, which must find losses. `--find` is for builds with a planted bug.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <thread>

#include "tests/integration/store-crash/jury.h"
#include "tests/integration/store-crash/workload.h"
#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr uint64_t STATES_MIN = 3'000;
constexpr uint64_t STATES_MIN_LONG = 100'000;
constexpr unsigned VARIANTS = 2, VARIANTS_LONG = 12;

Recording record(uint64_t seed, const WorkloadOptions& options = {}) {
  tests::ScratchFolder folder;
  return runWorkload(folder.path(), seed, options);
}

Sentence judge(const Recording& recording, uint64_t seed, unsigned variants) {
  return judgeAll(recording, {.crash = {.seed = seed, .variants = variants}, .processes = std::thread::hardware_concurrency()});
}

void print(const Sentence& sentence, const std::string& what) {
  double seconds = std::chrono::duration<double>(sentence.wall).count();
  printf("%s: %lu crash states, %lu bad, %.0f a second\n", what.c_str(), sentence.states, sentence.bad(), sentence.states / seconds);
  fflush(stdout);
}

void printBad(const Sentence& sentence) {
  for (const auto& report : sentence.reports) printf("bad: %s\n", report.c_str());
}

struct Said {
  uint64_t turns, replies, outputs;
};

Said countOf(const Recording& recording) {
  Said said{recording.digests.size() - 1, 0, 0};
  for (const auto& event : recording.events) {
    if (auto* told = std::get_if<Told>(&event)) (told->how == Told::How::REPLY ? said.replies : said.outputs) += 1;
  }
  return said;
}

// A recording that lacks any one of its writes gives another file, unless a later one hides it: the last ones none can hide.
bool replayNoticesAGap(const Recording& recording) {
  auto whole = recording.replayed();
  auto gapped = recording;
  for (auto event = gapped.events.rbegin(); event != gapped.events.rend(); ++event) {
    if (!std::holds_alternative<Written>(*event)) continue;
    gapped.events.erase(std::next(event).base());
    return gapped.replayed() != whole;
  }
  return false;
}

bool proveRecording(uint64_t seed, unsigned variants, uint64_t& states) {
  auto recording = record(seed);
  auto said = countOf(recording);
  printf("seed %lu: %lu turns, %lu replies and %lu calls that left, %zu events\n", seed, said.turns, said.replies, said.outputs,
         recording.events.size());
  if (!replayNoticesAGap(recording)) {
    printf("bad: a write taken out of the recording is not missed\n");
    return false;
  }
  auto sentence = judge(recording, seed, variants);
  print(sentence, "  as the disk may leave it");
  printBad(sentence);
  states += sentence.states;
  return sentence.bad() == 0 && said.turns > 300 && said.outputs > 30;
}

// A short recording: without syncs everything stays pending to its end.
bool findsLossWithoutSyncs(uint64_t seed) {
  auto unsynced = record(seed, {.lives = 1, .callsPerLife = 40}).withoutSyncs();
  auto sentence = judge(unsynced, seed, 1);
  print(sentence, "  with syncs taken out");
  if (sentence.bad() == 0) printf("bad: the loss of what was never synced is not found\n");
  return sentence.bad() > 0;
}

int prove(uint64_t seed, bool isLong) {
  if (!findsLossWithoutSyncs(seed)) return 1;
  uint64_t states = 0;
  for (; states < (isLong ? STATES_MIN_LONG : STATES_MIN); ++seed) {
    if (!proveRecording(seed, isLong ? VARIANTS_LONG : VARIANTS, states)) return 1;
  }
  printf("%lu crash states, none bad\n", states);
  return 0;
}

// Seeds "A..B": 0 as soon as a state of one of them has this fault, 1 when none has.
int find(const std::string& fault, const std::string& seeds) {
  uint64_t first, last;
  if (sscanf(seeds.c_str(), "%lu..%lu", &first, &last) != 2) throw std::runtime_error("seeds are A..B");
  for (auto seed = first; seed <= last; ++seed) {
    auto sentence = judge(record(seed, {.lives = 2, .callsPerLife = 60}), seed, 1);
    uint64_t found = 0;
    for (size_t which = 1; which < FAULTS; ++which) {
      if (fault == "any" || fault == nameOf(static_cast<Fault>(which))) found += sentence.faults[which];
    }
    if (found == 0) continue;
    printBad(sentence);
    printf("found in seed %lu: %lu of %lu crash states\n", seed, found, sentence.states);
    return 0;
  }
  return 1;
}

}  // namespace

}  // namespace meridian::crash

int main(int argc, char** argv) {
  CLI::App app("Proves that no crash loses or halves a turn that somebody outside knows of.");
  uint64_t seed = 1;
  bool isLong = getenv("MERIDIAN_LONG") != nullptr;
  std::vector<std::string> fault;
  app.add_option("--seed", seed, "of the workload and of the choices");
  app.add_flag("--long", isLong, "100,000 states");
  app.add_option("--find", fault, "a kind of fault, or any, and seeds A..B: succeeds when it is found")->expected(2);
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);   // the workload fills the disk on purpose
  try {
    return fault.empty() ? meridian::crash::prove(seed, isLong) : meridian::crash::find(fault[0], fault[1]);
  } catch (const kj::Exception& error) {
    fprintf(stderr, "store-crash-test: %s\n", error.getDescription().cStr());
  } catch (const std::exception& error) {
    fprintf(stderr, "store-crash-test: %s\n", error.what());
  }
  return 1;
}
