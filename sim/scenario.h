// Scenario: one kind of world, with its workload and its checkers, as a function of a seed: a world is drawn from it, goes through a
// storm, heals, and must then do everything that is asked of it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/actor/actor-system.h"
#include "runtime/base/units.h"
#include "sim/world/transcript.h"
#include "sim/world/verdict.h"

namespace meridian::sim {

struct RunOptions {
  Transcript::Print print = Transcript::Print::NO;
  std::string onlyChecker;               // what the others find does not count; empty: all do
  std::optional<Duration> until;         // the world stops there, whatever it does
  std::optional<Duration> storm;         // it lasts at most as long
  std::set<std::string> without;         // names of faults that stay away; everything else is drawn as ever
  std::map<std::string, uint32_t> sizes;   // these are not drawn: "machines" is 20
};

struct Outcome {
  std::optional<Finding> finding;
  uint64_t hash = 0;                     // of the transcript
  std::deque<std::string> tail;          // of the transcript
  Duration simulated{};                  // how long the world lasted
  Duration storm{};                      // as drawn, or shorter where asked
  uint64_t events = 0;                   // of the loop, and of the world around it
  std::map<std::string, uint64_t> counts;   // what the workload did: "requests", "served", ...
};

struct Scenario {
  std::string_view name;
  std::string_view about;                // one line
  std::vector<std::string_view> faults;  // that its storms may have; what RunOptions::without may name
  Outcome (*run)(uint64_t seed, actor::ActorSystem& system, const RunOptions& options);
  std::vector<std::string_view> sizes = {};   // that RunOptions::sizes may set, each from 1 to LARGEST

  static constexpr uint32_t LARGEST = 1'000;
};

// All of them, in the order in which they are listed.
const std::vector<Scenario>& scenarios();

// Null: there is none of this name.
const Scenario* findScenario(std::string_view name);

}  // namespace meridian::sim
