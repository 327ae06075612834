#include "sim/command/shrink.h"

#include <algorithm>

namespace meridian::sim {

namespace {

using namespace std::chrono_literals;

constexpr int64_t STEPS = 20;                // storms that are tried between none and the present one, then between two of those
constexpr Duration STORM_STEP_MIN = 10ms;
constexpr size_t BLOCK = 64;                 // candidates that are judged together: a find is the first of them, whoever ends first

class Shrinker {
 public:
  Shrinker(Worlds& worlds, Terms terms, uint64_t seed, uint32_t jobs)
      : worlds_(worlds), best_(std::move(terms)), seed_(seed), jobs_(jobs) {}

  std::optional<Shrunk> run() {
    original_ = worlds_.run(best_, seed_);
    runs_ = 1;
    if (original_.end == End::FINE) return std::nullopt;
    result_ = original_;
    dropWithoutEffect();
    // A shorter storm may need fewer faults, and these a shorter storm.
    do {
      progress_ = false;
      dropFaults();
      shortenStorm();
    } while (progress_);
    return Shrunk{best_, result_, original_, {present_.begin(), present_.end()}, runs_};
  }

 private:
  using Faults = std::vector<std::string_view>;

  // The faults that this seed has drawn at all: leaving out another one changes nothing, so it need not be named.
  void dropWithoutEffect() {
    Faults all;
    std::vector<Terms> candidates;
    for (auto fault: best_.scenario->faults) {
      if (best_.options.without.contains(std::string(fault))) continue;
      all.push_back(fault);
      candidates.push_back(best_);
      candidates.back().options.without.emplace(fault);
    }
    auto results = runAll(candidates);
    for (size_t i = 0; i < all.size(); ++i) {
      if (results[i].end == End::CRASH || results[i].hash != original_.hash || results[i].what != original_.what) present_.push_back(all[i]);
    }
  }

  // The fewest: none, one, two; if more are needed, then as many that none of them can go.
  void dropFaults() {
    std::vector<Faults> few{{}};
    for (auto& fault: present_) few.push_back({fault});
    for (size_t i = 0; i < present_.size(); ++i) {
      for (size_t j = i + 1; j < present_.size(); ++j) few.push_back({present_[i], present_[j]});
    }
    std::erase_if(few, [this](auto& faults) { return faults.size() >= present_.size(); });
    if (keepFirst(few)) return;
    for (bool dropped = true; dropped && present_.size() > 2;) {
      std::vector<Faults> fewer;
      for (auto& fault: present_) {
        fewer.push_back(present_);
        std::erase(fewer.back(), fault);
      }
      dropped = keepFirst(fewer);
    }
  }

  bool keepFirst(const std::vector<Faults>& sets) {
    std::vector<Terms> candidates;
    for (auto& kept: sets) {
      candidates.push_back(best_);
      for (auto fault: present_) {
        if (std::find(kept.begin(), kept.end(), fault) == kept.end()) candidates.back().options.without.emplace(fault);
      }
    }
    auto found = takeFirst(candidates);
    if (found) present_ = sets[*found];
    return found.has_value();
  }

  // The shortest on a grid, then the shortest on a finer one below that.
  void shortenStorm() {
    Duration low{}, high = result_.storm;
    while (high - low >= STORM_STEP_MIN * 2) {
      auto step = std::max<Duration>(Duration((high - low).count() / STEPS), STORM_STEP_MIN);
      step -= step % STORM_STEP_MIN;
      std::vector<Terms> candidates;
      for (auto storm = low - low % STORM_STEP_MIN; storm < high; storm += step) {
        candidates.push_back(best_);
        candidates.back().options.storm = storm;
      }
      auto found = takeFirst(candidates);
      high = found ? *candidates[*found].options.storm : high;
      low = std::max(high - step, Duration::zero());
      if (step <= STORM_STEP_MIN) break;
    }
  }

  // The first of these that still fails becomes the best one.
  std::optional<size_t> takeFirst(const std::vector<Terms>& candidates) {
    for (size_t begin = 0; begin < candidates.size(); begin += BLOCK) {
      auto end = std::min(begin + BLOCK, candidates.size());
      auto results = runAll({candidates.begin() + begin, candidates.begin() + end});
      for (size_t i = 0; i < results.size(); ++i) {
        if (results[i].end != original_.end || results[i].checker != original_.checker) continue;
        best_ = candidates[begin + i];
        result_ = std::move(results[i]);
        progress_ = true;
        return begin + i;
      }
    }
    return std::nullopt;
  }

  std::vector<Result> runAll(const std::vector<Terms>& candidates) {
    std::vector<Result> results(candidates.size());
    size_t begun = 0;
    for (size_t ended = 0; ended < candidates.size(); ++ended) {
      while (begun < candidates.size() && worlds_.running() < jobs_) {
        worlds_.begin(begun, candidates[begun], seed_);
        ++begun;
      }
      auto next = worlds_.next();
      results[next.number] = std::move(next.result);
    }
    runs_ += static_cast<uint32_t>(candidates.size());
    return results;
  }

  Worlds& worlds_;
  Terms best_;
  uint64_t seed_;
  uint32_t jobs_;
  Result original_, result_;
  Faults present_;           // not left out
  bool progress_ = false;
  uint32_t runs_ = 0;
};

}  // namespace

std::optional<Shrunk> shrink(Worlds& worlds, const Terms& terms, uint64_t seed, uint32_t jobs) {
  return Shrinker(worlds, terms, seed, jobs).run();
}

}  // namespace meridian::sim
