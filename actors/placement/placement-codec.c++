#include "actors/placement/placement-codec.h"

#include "runtime/base/match.h"

namespace meridian::placement {

namespace {

void toSchema(const std::vector<Considered>& considered, schema::Decision::Builder builder) {
  auto list = builder.initCandidates(considered.size());
  for (uint i = 0; i < considered.size(); ++i) {
    list[i].setName(considered[i].name);
    list[i].setFeasible(considered[i].score.has_value());
    list[i].setScore(considered[i].score.value_or(0));
    list[i].setReason(considered[i].reason);
  }
}

}  // namespace

Resources fromSchema(schema::Resources::Reader resources) {
  return {MicroCpu(resources.getCpuMicro()), MemoryMib(resources.getMemoryMib()), DiskMb(resources.getDiskMb())};
}

void toSchema(const Resources& resources, schema::Resources::Builder builder) {
  builder.setCpuMicro(resources.cpu.value());
  builder.setMemoryMib(resources.memory.value());
  builder.setDiskMb(resources.disk.value());
}

void toSchema(const Decision& decision, kj::StringPtr tier, Instant at, schema::Decision::Builder builder) {
  builder.setTier(tier);
  builder.setAtNs(toNs(at));
  std::visit(Match{
      [&](const Plan& plan) {
        builder.setChosen(plan.chosen);
        builder.setReason(plan.reason);
        toSchema(plan.considered, builder);
      },
      [&](const Refusal& refusal) {
        builder.setReason(refusal.reason);
        toSchema(refusal.considered, builder);
      },
  }, decision);
}

}  // namespace meridian::placement
