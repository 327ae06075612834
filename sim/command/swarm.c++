#include "sim/command/swarm.h"

#include <chrono>

namespace meridian::sim {

namespace {

constexpr Duration PROGRESS_EVERY = std::chrono::milliseconds(500);
constexpr uint64_t AHEAD_MAX = 10'000;       // seeds that wait for the result of an earlier one

Duration realTime() { return std::chrono::steady_clock::now().time_since_epoch(); }

class Swarm {
 public:
  Swarm(Worlds& worlds, const SwarmOptions& options): worlds_(worlds), options_(options) {}

  SwarmReport run(kj::FunctionParam<Go(const SwarmReport&)> progress) {
    auto begin = realTime();
    auto shown = begin;
    while (!isOver()) {
      beginMore();
      auto ended = worlds_.next(PROGRESS_EVERY);
      if (ended) early_.emplace(ended->number, std::move(ended->result));
      while (!isOver() && early_.contains(report_.seeds)) take(early_.extract(report_.seeds).mapped());
      report_.wall = realTime() - begin;
      if (realTime() - shown < PROGRESS_EVERY) continue;
      shown = realTime();
      if (progress(report_) == Go::HOME) break;
    }
    return std::move(report_);
  }

 private:
  bool isOver() const { return report_.seeds == options_.seeds.size() || report_.failures.size() == options_.failuresMax; }

  void beginMore() {
    while (worlds_.running() < options_.jobs && begun_ < options_.seeds.size() && begun_ < report_.seeds + AHEAD_MAX) {
      worlds_.begin(begun_, options_.terms, options_.seeds.first + begun_);
      ++begun_;
    }
  }

  void take(Result result) {
    report_.simulated += std::chrono::duration<double>(result.simulated).count();
    report_.events += result.events;
    for (auto& [name, count]: result.counts) report_.counts[name] += count;
    transcripts_.hash(std::to_string(result.hash) + " " + std::string(toWord(result.end)));
    report_.hash = transcripts_.hash();
    if (counts(result)) report_.failures.push_back({options_.seeds.first + report_.seeds, std::move(result)});
    ++report_.seeds;
  }

  // Where one checker is asked for, a world that has no transcript of its end has none of its findings either.
  bool counts(const Result& result) const {
    auto& only = options_.terms.options.onlyChecker;
    return result.end != End::FINE && (only.empty() || result.checker == only);
  }

  Worlds& worlds_;
  const SwarmOptions& options_;
  uint64_t begun_ = 0;
  std::map<uint64_t, Result> early_;         // by the place of their seed
  Transcript transcripts_{Transcript::Print::NO};
  SwarmReport report_;
};

}  // namespace

SwarmReport runSwarm(Worlds& worlds, const SwarmOptions& options, kj::FunctionParam<Go(const SwarmReport&)> progress) {
  return Swarm(worlds, options).run(progress);
}

}  // namespace meridian::sim
