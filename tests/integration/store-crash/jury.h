// Jury: judges all crash states of a recording in processes of their own, since broken pages can end a process. One that ends
// is found guilty of the state at hand, and another goes on with the next.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/store-crash/judge.h"

namespace meridian::crash {

struct JuryOptions {
  CrashOptions crash;
  unsigned processes = 2;
};

struct Sentence {
  uint64_t states = 0;
  std::array<uint64_t, FAULTS> faults{};    // states, by what is wrong with them
  std::vector<std::string> reports;         // of the first bad ones
  Spent spent{};
  std::chrono::nanoseconds wall{};

  uint64_t bad() const { return states - faults[static_cast<size_t>(Fault::NONE)]; }
};

// While it runs this process has no other threads.
Sentence judgeAll(const Recording& recording, const JuryOptions& options);

}  // namespace meridian::crash
