#include "actors/placement/placement-codec.h"

#include "runtime/base/match.h"

namespace meridian::placement {

namespace {

void write(schema::Decision::Builder to, const std::vector<Considered>& considered) {
  auto list = to.initCandidates(considered.size());
  for (uint i = 0; i < considered.size(); ++i) {
    list[i].setName(considered[i].name);
    list[i].setFeasible(considered[i].score.has_value());
    list[i].setScore(considered[i].score.value_or(0));
    list[i].setReason(considered[i].reason);
  }
}

}  // namespace

void write(schema::Decision::Builder to, const Decision& decision, kj::StringPtr tier, Instant at) {
  to.setTier(tier);
  to.setAtNs(toNs(at));
  std::visit(Match{
      [&](const Plan& plan) {
        to.setChosen(plan.chosen);
        to.setReason(plan.reason);
        write(to, plan.considered);
      },
      [&](const Refusal& refusal) {
        to.setReason(refusal.reason);
        write(to, refusal.considered);
      },
  }, decision);
}

}  // namespace meridian::placement
