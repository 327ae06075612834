// Which cgroup hierarchies this machine has, and what to write into them for an instance's limits. Pure functions over
// texts, so that both layouts are tested on any kernel: v2, where one hierarchy has all controllers, and v1 (also the
// hybrid of systemd, where the v2 tree exists beside and has none of ours), where each controller has its own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/units.h"

namespace meridian::container {

enum class CgroupVersion { V1, V2 };

struct CgroupLayout {
  CgroupVersion version;
  std::string memory;  // mount points; on v2 all three are the same
  std::string cpu;
  std::string pids;

  friend bool operator==(const CgroupLayout&, const CgroupLayout&) = default;
};

// `mountInfo` is /proc/self/mountinfo; `readFile` gives a file's contents, empty if there is none. v2 is chosen when its
// hierarchy offers memory, cpu and pids; else v1 when all three are mounted; else nothing.
std::optional<CgroupLayout> chooseCgroupLayout(std::string_view mountInfo,
                                               const std::function<std::string(const std::string&)>& readFile);

// CPU time in each period. The kernel refuses quotas below 1 ms, so a small share gets a longer period (1 s at most) and
// the smallest share that can be enforced is 1/1000 vCPU; what is below gets that.
struct CpuQuota {
  uint64_t quotaUs;
  uint64_t periodUs;

  friend bool operator==(const CpuQuota&, const CpuQuota&) = default;
};
CpuQuota cpuQuota(MicroCpu cpu);

struct CgroupLimits {
  MicroCpu cpu;
  MemoryMib memory;   // of all processes together; swap counts as memory
  uint32_t pids = 0;  // tasks, threads included
};

enum class CgroupNeed { REQUIRED, WHERE_PRESENT };

// One write of a limit, in order: on v1 memsw must follow memory.
struct CgroupWrite {
  std::string hierarchy;  // a mount point of the layout
  std::string file;
  std::string value;
  CgroupNeed need;  // swap accounting can be built out

  friend bool operator==(const CgroupWrite&, const CgroupWrite&) = default;
};
std::vector<CgroupWrite> cgroupWrites(const CgroupLayout& layout, const CgroupLimits& limits);

// The value of `key` in a file of "key value" lines, such as memory.events; 0 if there is no such line.
uint64_t valueOf(std::string_view key, std::string_view lines);

}  // namespace meridian::container
