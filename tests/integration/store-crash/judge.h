// Judge: opens the real store and host on what a crash left, and says what is wrong with it.
#pragma once

#include <array>
#include <chrono>
#include <string>

#include "tests/integration/store-crash/crash-states.h"

namespace meridian::crash {

// What can be wrong, the gravest first.
enum class Fault {
  NONE,
  ENDED,          // the process that opened it died
  UNOPENABLE,
  CONTENTS,       // not just the write sets up to its LSN, or a ledger whose turn is half there
  LSN_UNDONE,     // the store had called more durable
  REPLY_UNDONE,
  OUTPUT_UNDONE,
  STANDSTILL,     // it takes no more turns, or goes on where it was before
};
inline constexpr size_t FAULTS = 8;
const char* nameOf(Fault fault);

struct Verdict {
  Fault fault = Fault::NONE;
  std::string why;
};

// Where the time of judging goes.
enum class Phase { IMAGE, FILE, OPEN, CONTENTS, LEDGERS, NEXT_TURN, CLOSE };
inline constexpr size_t PHASES = 7;
const char* nameOf(Phase phase);
using Spent = std::array<std::chrono::nanoseconds, PHASES>;

class Judge {
 public:
  // Lays the states into `folder`, which is the judge's alone.
  Judge(const Recording& recording, const std::string& folder);

  Verdict judge(const CrashState& state);

  const Spent& spent() const { return spent_; }

 private:
  Verdict open(const CrashState& state);
  Verdict judgeContents(env::Store& store);
  Verdict judgeLedgers(const Promises& promises);
  Verdict judgeProgress(env::Store& store, const Promises& promises);
  Verdict judgeNextTurn();
  Verdict judgeLedger(unsigned ledger, const Ledger::ReadResults::Reader& found, const Promises& promises);
  void lay(const CrashState& state);

  template <typename Work>
  auto timed(Phase phase, Work&& work);

  const Recording& recording_;
  const std::string folder_;
  const std::string file_;
  Stage stage_;
  LedgerModel model_;
  uint64_t lsn_ = 0;                  // that the store at hand holds
  Spent spent_{};
};

}  // namespace meridian::crash
