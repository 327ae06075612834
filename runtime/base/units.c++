#include "runtime/base/units.h"

namespace meridian {

namespace {

template <typename Unit>
Unit sum(Unit left, Unit right) {
  uint64_t total = left.value() + right.value();
  return Unit(total < left.value() ? UINT64_MAX : total);
}

template <typename Unit>
Unit difference(Unit left, Unit right) {
  return Unit(left.value() > right.value() ? left.value() - right.value() : 0);
}

}  // namespace

Resources operator+(const Resources& left, const Resources& right) {
  return {sum(left.cpu, right.cpu), sum(left.memory, right.memory), sum(left.disk, right.disk)};
}

Resources operator-(const Resources& left, const Resources& right) {
  return {difference(left.cpu, right.cpu), difference(left.memory, right.memory),
          difference(left.disk, right.disk)};
}

bool fits(const Resources& need, const Resources& have) {
  return need.cpu <= have.cpu && need.memory <= have.memory && need.disk <= have.disk;
}

}  // namespace meridian
