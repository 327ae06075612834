#include "sim/explore/id/state.h"

#include "runtime/base/check.h"

namespace meridian::explore::id {

namespace {

supervisor::Spec makeSpec(uint8_t version) {
  supervisor::Spec spec;
  spec.version = version;
  spec.image = "img";
  spec.need = need();
  spec.port = 80;
  spec.sleepAfter = TICK;
  spec.stopGrace = TICK;
  spec.startTimeout = TICK;
  spec.restart = supervisor::RestartPolicy::ON_FAILURE;
  spec.words = std::to_string(version);
  return spec;
}

}  // namespace

const ContainerId& container() {
  static const ContainerId ID{ClassName("C"), "c"};
  return ID;
}

const ContainerId& neighbour() {
  static const ContainerId ID{ClassName("C"), "n"};
  return ID;
}

const LocationId& here() {
  static const LocationId ID("here");
  return ID;
}

const GatewayId& gateway() {
  static const GatewayId ID("g1");
  return ID;
}

MachineId machineName(uint8_t index) { return MachineId(index == 0 ? "m1" : "m2"); }

uint8_t machineIndex(const MachineId& name) {
  check(name.value() == "m1" || name.value() == "m2", "a machine of this world is m1 or m2");
  return name.value() == "m1" ? 0 : 1;
}

const supervisor::Spec& spec(uint8_t version) {
  static const std::array<supervisor::Spec, VERSIONS + 1> SPECS = {makeSpec(0), makeSpec(1), makeSpec(2)};
  return SPECS.at(version);
}

const Resources& need() {
  static const Resources NEED{MicroCpu(1), MemoryMib(1), DiskMb(1)};
  return NEED;
}

State firstState() {
  State state;
  state.containerClass.ownership = container_class::Configured{{"app", 1, 1, "1"}};
  for (uint8_t i = 0; i < MACHINES; ++i) location::apply(state.location, location::MachineSet{machineName(i), need()});
  state.global.locations[here()] = {state.location.sums.total, state.location.sums.free, NOW};
  return state;
}

}  // namespace meridian::explore::id
