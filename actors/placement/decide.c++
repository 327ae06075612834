#include <algorithm>
#include <array>
#include <cstdio>

#include "actors/placement/feasible.h"
#include "actors/placement/placement.h"
#include "actors/placement/score.h"

namespace meridian::placement {

namespace {

// A candidate as judged, without any text: most are forgotten again.
struct Verdict {
  const Candidate* candidate;
  std::optional<Obstacle> obstacle;
  double score;                        // 0 when there is an obstacle
};

struct Tally {
  size_t feasible = 0;
  std::array<size_t, OBSTACLES> obstacles{};
};

bool comesBefore(const Verdict& left, const Verdict& right) {
  bool leftFits = !left.obstacle;
  bool rightFits = !right.obstacle;
  if (leftFits != rightFits) return leftFits;
  if (left.score != right.score) return left.score > right.score;
  return left.candidate->name < right.candidate->name;
}

Verdict judge(const Candidate& candidate, const Request& request, Policy policy) {
  if (auto found = obstacle(candidate, request)) return {&candidate, found, 0};
  return {&candidate, std::nullopt, score(policy, candidate, request.need)};
}

std::string scoreText(Policy policy, double score) {
  std::array<char, 48> text;
  auto format = policy == Policy::PACK ? "%.0f%% in use afterwards" : "%.0f%% free afterwards";
  std::snprintf(text.data(), text.size(), format, score * 100);
  return text.data();
}

std::vector<Considered> explain(std::span<const Verdict> kept, const Request& request, Policy policy) {
  std::vector<Considered> considered;
  considered.reserve(kept.size());
  for (auto& [candidate, obstacle, score]: kept) {
    std::string name(candidate->name);
    if (obstacle) {
      considered.push_back({std::move(name), std::nullopt, describe(*obstacle, *candidate, request)});
    } else {
      considered.push_back({std::move(name), score, scoreText(policy, score)});
    }
  }
  return considered;
}

// "none of 3 machines can take 4 vCPU, 12288 MiB, 20000 MB: 2 too small, 1 short of memory"
std::string refusalText(size_t candidates, const Tally& tally, const Request& request) {
  std::string kind(request.kind);
  if (candidates == 0) return "there is no " + kind;
  auto text = "none of " + std::to_string(candidates) + " " + kind + "s can take " + toText(request.need);
  std::string_view separator = ": ";
  for (size_t i = 0; i < OBSTACLES; ++i) {
    if (tally.obstacles[i] == 0) continue;
    text.append(separator).append(std::to_string(tally.obstacles[i])).append(" ");
    text.append(toText(static_cast<Obstacle>(i)));
    separator = ", ";
  }
  return text;
}

// "the fullest of 2 machines with room, 5 considered"
std::string planText(size_t candidates, const Tally& tally, const Request& request, Policy policy) {
  std::string_view which = policy == Policy::PACK ? "the fullest" : "the emptiest";
  return std::string(which) + " of " + std::to_string(tally.feasible) + " " + std::string(request.kind) +
         (tally.feasible == 1 ? "" : "s") + " with room, " + std::to_string(candidates) + " considered";
}

}  // namespace

Decision decide(std::span<const Candidate> candidates, const Request& request, Policy policy, const Limits& limits) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(candidates.size());
  Tally tally;
  for (auto& candidate: candidates) {
    verdicts.push_back(judge(candidate, request, policy));
    auto& obstacle = verdicts.back().obstacle;
    ++(obstacle ? tally.obstacles[static_cast<size_t>(*obstacle)] : tally.feasible);
  }

  auto kept = std::min(verdicts.size(), std::max<size_t>(limits.consideredMax, 1));
  std::partial_sort(verdicts.begin(), verdicts.begin() + kept, verdicts.end(), comesBefore);
  auto considered = explain(std::span(verdicts).first(kept), request, policy);

  if (tally.feasible == 0) return Refusal{refusalText(candidates.size(), tally, request), std::move(considered)};
  auto chosen = considered.front().name;
  return Plan{std::move(chosen), planText(candidates.size(), tally, request, policy), std::move(considered)};
}

}  // namespace meridian::placement
