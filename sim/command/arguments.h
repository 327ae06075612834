// The values that arguments of `sim` may have. Each function throws cli::Failure, which names the argument, its value and what is
// allowed; the functions that go back write what these read.
#pragma once

#include <set>
#include <string>

#include "sim/scenario.h"

namespace meridian::sim {

struct SeedRange {
  static constexpr uint64_t SEEDS_MAX = 1'000'000'000;

  uint64_t first;
  uint64_t last;       // inclusive

  uint64_t size() const { return last - first + 1; }
};

const Scenario& parseScenario(const std::string& text);

// N
uint64_t parseSeed(const std::string& text);

// A..B, or N for N..N
SeedRange parseSeeds(const std::string& text);

// 12s, 1500ms, 2.5m: digits with at most nine behind a point, and ns, us, ms, s, m or h.
Duration parseDuration(const std::string& name, const std::string& text);
std::string durationText(Duration duration);

// FAULT,FAULT
std::set<std::string> parseFaults(const Scenario& scenario, const std::string& text);
std::string faultsText(const std::set<std::string>& faults);

// NAME=N,NAME=N
std::map<std::string, uint32_t> parseSizes(const Scenario& scenario, const std::string& text);
std::string sizesText(const std::map<std::string, uint32_t>& sizes);

// A whole number from `least` to `most`.
uint32_t parseCount(const std::string& name, const std::string& text, uint32_t least, uint32_t most);

std::string parseChecker(const std::string& text);

}  // namespace meridian::sim
