#include "tests/integration/store-crash/jury.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "tests/scratch-folder.h"

namespace meridian::crash {

namespace {

constexpr size_t REPORTS_MAX = 5;     // of each judge
constexpr size_t REPORT_BYTES = 400;

// What a judge has found so far, in memory that outlives its process.
struct Record {
  uint64_t next = 0;                  // the state to be judged; all before it, that are this judge's, are
  uint64_t states = 0;
  std::array<uint64_t, FAULTS> faults{};
  Spent spent{};
  size_t reports = 0;
  char report[REPORTS_MAX][REPORT_BYTES];
  bool done = false;

  void add(const CrashState& state, const Verdict& verdict) {
    states += 1;
    faults[static_cast<size_t>(verdict.fault)] += 1;
    if (verdict.fault == Fault::NONE || reports == REPORTS_MAX) return;
    snprintf(report[reports++], REPORT_BYTES, "state %lu, %s after %zu events: %s: %s", state.index, state.how, state.events,
             nameOf(verdict.fault), verdict.why.c_str());
  }
};

struct Unmap {
  size_t bytes;
  void operator()(Record* records) const { munmap(records, bytes); }
};

std::unique_ptr<Record[], Unmap> makeRecords(unsigned count) {
  size_t bytes = count * sizeof(Record);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for the judges' records");
  return {new (memory) Record[count], Unmap{bytes}};
}

// Every `processes`-th state belongs to one judge.
class Share {
 public:
  Share(const Recording& recording, const JuryOptions& options, unsigned which, Record& record)
      : recording_(recording), options_(options), which_(which), record_(record), folder_(tests::memoryPlace()) {}

  void judge() const {
    Judge judge(recording_, folder_.path());
    auto before = record_.spent;
    forEachMine([&](const CrashState& state) {
      record_.next = state.index;
      auto verdict = judge.judge(state);
      record_.add(state, verdict);
      record_.next = state.index + 1;
      for (size_t phase = 0; phase < PHASES; ++phase) record_.spent[phase] = before[phase] + judge.spent()[phase];
    });
    record_.done = true;
  }

  // The process of the judge has ended before it was done.
  void endedBy(int status) const {
    bool found = false;
    forEachMine([&](const CrashState& state) {
      if (std::exchange(found, true)) return;
      auto how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "exit " + std::to_string(WEXITSTATUS(status));
      record_.add(state, {Fault::ENDED, how});
      record_.next = state.index + 1;
    });
    if (!found) throw std::runtime_error("a judge has ended without a state at hand");
  }

 private:
  template <typename Visit>
  void forEachMine(Visit visit) const {
    forEachCrashState(recording_, options_.crash, [&, from = record_.next](const CrashState& state) {
      if (state.index >= from && state.index % options_.processes == which_) visit(state);
    });
  }

  const Recording& recording_;
  const JuryOptions& options_;
  const unsigned which_;
  Record& record_;
  tests::ScratchFolder folder_;       // outlives the judge's process
};

pid_t start(const Share& share) {
  fflush(nullptr);
  pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process for a judge");
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What LMDB and the store say about a broken file is expected here.
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(quiet, STDERR_FILENO);
  try {
    share.judge();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

}  // namespace

Sentence judgeAll(const Recording& recording, const JuryOptions& options) {
  auto since = std::chrono::steady_clock::now();
  auto records = makeRecords(options.processes);
  std::deque<Share> shares;
  std::vector<pid_t> judges;
  for (unsigned which = 0; which < options.processes; ++which) {
    shares.emplace_back(recording, options, which, records[which]);
    judges.push_back(start(shares.back()));
  }
  for (auto running = judges.size(); running > 0;) {
    int status;
    pid_t ended = wait(&status);
    auto which = std::find(judges.begin(), judges.end(), ended) - judges.begin();
    if (which == static_cast<ptrdiff_t>(judges.size())) throw std::runtime_error("a judge was lost");
    if (records[which].done) {
      running -= 1;
      continue;
    }
    shares[which].endedBy(status);
    judges[which] = start(shares[which]);
  }
  Sentence sentence{.wall = std::chrono::steady_clock::now() - since};
  for (unsigned which = 0; which < options.processes; ++which) {
    const auto& record = records[which];
    sentence.states += record.states;
    for (size_t fault = 0; fault < FAULTS; ++fault) sentence.faults[fault] += record.faults[fault];
    for (size_t phase = 0; phase < PHASES; ++phase) sentence.spent[phase] += record.spent[phase];
    for (size_t i = 0; i < record.reports; ++i) sentence.reports.emplace_back(record.report[i]);
  }
  return sentence;
}

}  // namespace meridian::crash
