#include "runtime/cli/instance-type.h"

namespace meridian::cli {

namespace {

struct InstanceType {
  std::string_view name;
  uint64_t cpuMicro;
  uint64_t memoryMib;
  uint64_t diskMb;
};

constexpr uint64_t VCPU = 1'000'000;
constexpr uint64_t GIB = 1024;  // in MiB
constexpr uint64_t GB = 1000;   // in MB

constexpr InstanceType INSTANCE_TYPES[] = {
    {"lite", VCPU / 16, 256, 2 * GB},
    {"dev", VCPU / 16, 256, 2 * GB},
    {"basic", VCPU / 4, 1 * GIB, 4 * GB},
    {"standard", VCPU / 2, 4 * GIB, 4 * GB},
    {"standard-1", VCPU / 2, 4 * GIB, 8 * GB},
    {"standard-2", 1 * VCPU, 6 * GIB, 12 * GB},
    {"standard-3", 2 * VCPU, 8 * GIB, 16 * GB},
    {"standard-4", 4 * VCPU, 12 * GIB, 20 * GB},
};

}  // namespace

std::optional<Resources> findInstanceType(std::string_view name) {
  for (const auto& type : INSTANCE_TYPES) {
    if (type.name == name) {
      return Resources{MicroCpu(type.cpuMicro), MemoryMib(type.memoryMib), DiskMb(type.diskMb)};
    }
  }
  return std::nullopt;
}

std::string instanceTypeNames() {
  std::string names;
  for (const auto& type : INSTANCE_TYPES) names.append(names.empty() ? "" : ", ").append(type.name);
  return names;
}

}  // namespace meridian::cli
