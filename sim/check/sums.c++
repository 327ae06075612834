#include "sim/check/sums.h"

namespace meridian::sim {

Sums::Attempt Sums::begin(const std::string& name, int64_t by) {
  auto& sum = sums_[name];
  sum.inDoubt += by;
  return {name, by, sum.seen};
}

void Sums::acknowledged(const Attempt& attempt) {
  auto& sum = sums_[attempt.name];
  sum.inDoubt -= attempt.by;
  sum.acknowledged += attempt.by;
}

void Sums::refused(const Attempt& attempt) { sums_[attempt.name].inDoubt -= attempt.by; }

void Sums::answered(const Attempt& attempt, int64_t value) {
  if (value < attempt.floor + attempt.by) {
    stage_.verdict.wrong("goes-back", attempt.name + " is " + std::to_string(value) + ", was " + std::to_string(attempt.floor) +
                                          " before " + std::to_string(attempt.by) + " more");
  }
  told(attempt.name, value);
}

void Sums::told(const std::string& name, int64_t value) {
  auto& sum = sums_[name];
  auto durable = durable_(name);
  if (value > durable) {
    stage_.verdict.wrong("told-early", name + " was said to be " + std::to_string(value) + ", durable is " + std::to_string(durable));
  }
  if (value > sum.acknowledged + sum.inDoubt) {
    stage_.verdict.wrong("sum", name + " was said to be " + std::to_string(value) + ", at most " +
                                    std::to_string(sum.acknowledged + sum.inDoubt) + " was asked for");
  }
  sum.seen = std::max(sum.seen, value);
}

void Sums::requireFinal(const std::string& name, int64_t value) {
  auto& sum = sums_[name];
  stage_.say("sums", name + " is " + std::to_string(value) + " of " + std::to_string(sum.acknowledged) + " + " +
                         std::to_string(sum.inDoubt));
  if (value < sum.seen || value < sum.acknowledged || value > sum.acknowledged + sum.inDoubt) {
    stage_.verdict.wrong("sum", name + " is " + std::to_string(value) + "; " + std::to_string(sum.acknowledged) +
                                    " was acknowledged, " + std::to_string(sum.inDoubt) + " is in doubt, " +
                                    std::to_string(sum.seen) + " was seen");
  }
}

}  // namespace meridian::sim
