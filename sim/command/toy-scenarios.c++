// Scenarios whose ends are known, for the test of the command: they stand in for those of the simulated worlds.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "sim/scenario.h"

namespace meridian::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration STORM = 30s;
constexpr Duration REST = 70s;

Duration stormOf(const RunOptions& options) { return std::min(options.storm.value_or(STORM), STORM); }

// Line by line until it is over, or told to stop.
Outcome live(uint64_t seed, const RunOptions& options) {
  Outcome outcome;
  Transcript transcript(options.print);
  auto storm = stormOf(options);
  auto end = std::min(storm + REST, options.until.value_or(Duration::max()));
  for (; outcome.simulated < end; outcome.simulated += 1s) {
    transcript.line(outcome.simulated, "toy", "seed " + std::to_string(seed));
    ++outcome.events;
  }
  outcome.simulated = end;
  outcome.storm = storm;
  outcome.hash = transcript.hash();
  outcome.tail = transcript.tail();
  outcome.counts = {{"lines", outcome.events}};
  for (auto& [name, size]: options.sizes) outcome.counts[name] = size;
  return outcome;
}

void fail(Outcome& outcome, const RunOptions& options, Failure failure, std::string checker) {
  if (!options.onlyChecker.empty() && options.onlyChecker != checker) return;
  outcome.finding = Finding{failure, std::move(checker), "as it was\ntold to"};
}

// Every tenth seed fails, each time in another way.
Outcome mixed(uint64_t seed, actor::ActorSystem&, const RunOptions& options) {
  auto outcome = live(seed, options);
  if (seed % 10 != 0) return outcome;
  switch (seed / 10 % 5) {
    case 0: fail(outcome, options, Failure::WRONG, "toy-wrong"); break;
    case 1: fail(outcome, options, Failure::STUCK, "toy-stuck"); break;
    case 2: std::abort();
    case 3: throw std::runtime_error("thrown by a toy");
    case 4: std::exit(7);
  }
  return outcome;
}

// Two of its faults and a storm of at least 3.4 s are needed to fail. The fourth fault is never drawn.
Outcome shrinking(uint64_t seed, actor::ActorSystem&, const RunOptions& options) {
  auto outcome = live(seed, options);
  uint64_t drawn = 0;
  for (auto fault: {"wind", "rain", "snow"}) drawn = drawn * 2 + (options.without.contains(fault) ? 0 : 1);
  outcome.hash += drawn;
  bool both = !options.without.contains("wind") && !options.without.contains("snow");
  if (both && outcome.storm >= 3400ms) fail(outcome, options, Failure::WRONG, "toy-wrong");
  if (!both && outcome.storm >= 1s && options.without.contains("rain")) fail(outcome, options, Failure::STUCK, "toy-other");
  return outcome;
}

Outcome endless(uint64_t seed, actor::ActorSystem&, const RunOptions&) {
  for (;;) raise(0);
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"mixed", "each tenth seed fails", {"rain"}, mixed, {"width", "height"}},
      {"shrinking", "two faults make it fail", {"wind", "rain", "snow", "hail"}, shrinking},
      {"endless", "it never ends", {}, endless},
  };
  return all;
}

const Scenario* findScenario(std::string_view name) {
  for (auto& scenario: scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace meridian::sim
