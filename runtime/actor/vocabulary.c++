#include "runtime/actor/vocabulary.h"

#include <kj/debug.h>

#include <algorithm>

namespace meridian::actor {

static_assert(static_cast<uint16_t>(schema::StopReason::DRAINED) == static_cast<uint16_t>(LAST_STOP_REASON),
              "StopReason and its schema have the same enumerants in the same order");

Resources read(schema::Resources::Reader from) {
  return {MicroCpu(from.getCpuMicro()), MemoryMib(from.getMemoryMib()), DiskMb(from.getDiskMb())};
}

void write(schema::Resources::Builder to, const Resources& resources) {
  to.setCpuMicro(resources.cpu.value());
  to.setMemoryMib(resources.memory.value());
  to.setDiskMb(resources.disk.value());
}

ContainerId read(schema::ContainerKey::Reader from) {
  return {ClassName(text(from.getClassName())), text(from.getId())};
}

void write(schema::ContainerKey::Builder to, const ContainerId& container) {
  to.setClassName(container.containerClass.value());
  to.setId(container.id);
}

InstanceKey read(schema::InstanceKey::Reader from) {
  return {read(from.getContainer()), Generation(from.getGeneration())};
}

void write(schema::InstanceKey::Builder to, const InstanceKey& key) {
  write(to.initContainer(), key.container);
  to.setGeneration(key.generation.value());
}

std::vector<EnvVar> read(capnp::List<schema::EnvVar>::Reader from) {
  std::vector<EnvVar> env;
  env.reserve(from.size());
  for (auto variable: from) env.push_back({text(variable.getName()), text(variable.getValue())});
  return env;
}

void write(capnp::List<schema::EnvVar>::Builder to, const std::vector<EnvVar>& env) {
  KJ_REQUIRE(to.size() == env.size());
  for (size_t i = 0; i < env.size(); ++i) {
    to[i].setName(env[i].name);
    to[i].setValue(env[i].value);
  }
}

StopReason read(schema::StopReason from) {
  auto reason = static_cast<StopReason>(from);
  KJ_REQUIRE(reason <= LAST_STOP_REASON, "a stop reason that this build does not know", static_cast<uint16_t>(from));
  return reason;
}

schema::StopReason toSchema(StopReason reason) { return static_cast<schema::StopReason>(reason); }

Exit read(schema::Exit::Reader from) {
  Exit exit;
  exit.reason = read(from.getReason());
  if (from.getCode() >= 0) exit.code = from.getCode();
  if (from.getSignal() >= 0) exit.signal = from.getSignal();
  exit.detail = text(from.getDetail());
  exit.at = instantFromNs(from.getAtNs());
  return exit;
}

void write(schema::Exit::Builder to, const Exit& exit) {
  to.setReason(toSchema(exit.reason));
  to.setCode(exit.code.value_or(-1));
  to.setSignal(exit.signal.value_or(-1));
  to.setDetail(exit.detail);
  to.setAtNs(toNs(exit.at));
}

Duration durationFromMs(uint64_t ms) {
  constexpr uint64_t CENTURY_MS = 36'525ull * 24 * 3'600 * 1'000;
  return std::chrono::milliseconds(std::min(ms, CENTURY_MS));
}

}  // namespace meridian::actor
