#include "actors/placement/score.h"

#include <algorithm>
#include <array>

#include "runtime/base/check.h"

namespace meridian::placement {

namespace {

struct FreeShares {
  std::array<double, 3> shares;
  size_t count = 0;

  void add(uint64_t total, uint64_t free, uint64_t need) {
    if (total == 0) return;
    shares[count++] = static_cast<double>(free - need) / static_cast<double>(total);
  }
};

FreeShares freeAfter(const Candidate& candidate, const Resources& need) {
  check(fits(need, candidate.free) && fits(candidate.free, candidate.total), "only feasible candidates are scored");
  auto& [name, total, free] = candidate;
  FreeShares after;
  after.add(total.cpu.value(), free.cpu.value(), need.cpu.value());
  after.add(total.memory.value(), free.memory.value(), need.memory.value());
  after.add(total.disk.value(), free.disk.value(), need.disk.value());
  return after;
}

}  // namespace

double packed(const Candidate& candidate, const Resources& need) {
  auto after = freeAfter(candidate, need);
  if (after.count == 0) return 1;
  double sum = 0;
  for (size_t i = 0; i < after.count; ++i) sum += after.shares[i];
  return 1 - sum / static_cast<double>(after.count);
}

double roomy(const Candidate& candidate, const Resources& need) {
  auto after = freeAfter(candidate, need);
  return after.count == 0 ? 0 : *std::min_element(after.shares.begin(), after.shares.begin() + after.count);
}

double score(Policy policy, const Candidate& candidate, const Resources& need) {
  switch (policy) {
    case Policy::PACK: return packed(candidate, need);
    case Policy::SPREAD: return roomy(candidate, need);
  }
  failCheck("a policy is one of the enumerators");
}

}  // namespace meridian::placement
