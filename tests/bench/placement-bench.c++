// How many placements a second one thread decides, beside a floor that takes the first machine with room and gives no reasons;
// and what a whole reserve step of a location costs with few and with many reservations.
//
//   placement-bench [--short] [--json]      medians over rounds; --short makes one quick round of each
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "actors/location/location.h"
#include "actors/placement/placement.h"
#include "runtime/base/random.h"

namespace meridian {
namespace {

struct Effort {
  size_t rounds = 31;
  Duration round = std::chrono::milliseconds(50);
};

Resources size(uint64_t cpuMicro, uint64_t memoryMib, uint64_t diskMb) {
  return {MicroCpu(cpuMicro), MemoryMib(memoryMib), DiskMb(diskMb)};
}

const Resources LITE = size(62'500, 256, 2'000);
const Resources MACHINE = size(64'000'000, 262'144, 4'000'000);

// Machines between empty and full; one in eight is full.
struct Snapshot {
  std::vector<std::string> names;
  std::vector<placement::Candidate> candidates;

  explicit Snapshot(size_t count) {
    Random random(count);
    for (size_t i = 0; i < count; ++i) names.push_back("machine-" + std::to_string(i));
    for (auto& name: names) {
      auto eighths = random.below(8);
      candidates.push_back({name, MACHINE, size(8'000'000 * eighths, 32'768 * eighths, 500'000 * eighths)});
    }
  }
};

const placement::Candidate* firstFit(const std::vector<placement::Candidate>& candidates, const Resources& need) {
  for (auto& candidate: candidates) {
    if (fits(need, candidate.free)) return &candidate;
  }
  return nullptr;
}

// Runs per second, the median of the rounds. `run` returns what must not be optimised away.
template <typename Run>
double rate(const Effort& effort, Run run) {
  std::vector<double> rates;
  volatile size_t sink = 0;
  for (size_t round = 0; round < effort.rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    size_t runs = 0;
    Duration took{};
    do {
      for (int i = 0; i < 16; ++i) sink = sink + run();
      runs += 16;
      took = std::chrono::steady_clock::now() - start;
    } while (took < effort.round);
    rates.push_back(static_cast<double>(runs) / std::chrono::duration<double>(took).count());
  }
  std::nth_element(rates.begin(), rates.begin() + static_cast<ptrdiff_t>(rates.size() / 2), rates.end());
  return rates[rates.size() / 2];
}

struct Row {
  std::string name;
  double rate;
  double floor;            // 0: there is none
};

Row decisions(const Effort& effort, size_t count) {
  Snapshot snapshot(count);
  placement::Limits limits;
  auto decided = rate(effort, [&] {
    auto decision = placement::decide(snapshot.candidates, {"machine", LITE, {}}, placement::Policy::PACK, limits);
    return std::get<placement::Plan>(decision).chosen.size();
  });
  // The floor looks at all of them too: its machine with room is the last.
  auto candidates = snapshot.candidates;
  for (auto& candidate: candidates) candidate.free = {};
  candidates.back().free = candidates.back().total;
  auto floor = rate(effort, [&] { return firstFit(candidates, LITE)->name.size(); });
  return {"decisions/s over " + std::to_string(count) + " machines", decided, floor};
}

// Reserve and release of one more ID, applied: what the location's actor does for a start, without store and RPC.
Row reserveSteps(const Effort& effort, size_t reservations) {
  location::State state;
  location::Transient transient;
  location::Limits limits;
  auto now = instantFromNs(1);
  auto run = [&](const location::Message& message) {
    auto step = location::step(state, transient, message, now, limits);
    for (auto& change: step.changes) location::apply(state, change);
    transient = step.transient;
    return step.effects.size();
  };
  for (int i = 0; i < 100; ++i) run(location::RegisterMachine{CallToken(1), MachineId("machine-" + std::to_string(i)), MACHINE});
  auto key = [](size_t i) { return InstanceKey{{ClassName("Sandbox"), "id-" + std::to_string(i)}, Generation(1)}; };
  for (size_t i = 0; i < reservations; ++i) run(location::Reserve{CallToken(1), key(i), LITE, {}});
  auto steps = rate(effort, [&] {
    return run(location::Reserve{CallToken(1), key(reservations), LITE, {}}) + run(location::Release{CallToken(1), key(reservations)});
  });
  return {"reserve+release/s with " + std::to_string(reservations) + " reservations on 100 machines", steps, 0};
}

void printText(const std::vector<Row>& rows) {
  for (auto& row: rows) {
    std::printf("%-68s %12.0f", row.name.c_str(), row.rate);
    if (row.floor > 0) std::printf("   first fit %12.0f   ratio %.3f", row.floor, row.rate / row.floor);
    std::printf("\n");
  }
}

void printJson(const std::vector<Row>& rows) {
  std::printf("[");
  for (size_t i = 0; i < rows.size(); ++i) {
    std::printf("%s{\"name\":\"%s\",\"rate\":%.0f", i == 0 ? "" : ",", rows[i].name.c_str(), rows[i].rate);
    if (rows[i].floor > 0) std::printf(",\"floor\":%.0f,\"ratio\":%.4f", rows[i].floor, rows[i].rate / rows[i].floor);
    std::printf("}");
  }
  std::printf("]\n");
}

int run(int argc, char** argv) {
  Effort effort;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      json = true;
    } else if (std::strcmp(argv[i], "--short") == 0) {
      effort = {.rounds = 1, .round = std::chrono::milliseconds(1)};
    } else {
      std::fprintf(stderr, "unknown argument \"%s\"; allowed: --short, --json\n", argv[i]);
      return 2;
    }
  }
  std::vector<Row> rows;
  for (size_t count: {10, 100, 1'000}) rows.push_back(decisions(effort, count));
  for (size_t reservations: {10, 10'000}) rows.push_back(reserveSteps(effort, reservations));
  json ? printJson(rows) : printText(rows);
  return 0;
}

}  // namespace
}  // namespace meridian

int main(int argc, char** argv) { return meridian::run(argc, argv); }
