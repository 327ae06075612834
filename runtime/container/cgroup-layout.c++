#include "runtime/container/cgroup-layout.h"

#include <algorithm>
#include <charconv>

namespace meridian::container {

namespace {

constexpr uint64_t PERIOD_US = 100'000;        // the kernel's default
constexpr uint64_t PERIOD_MAX_US = 1'000'000;  // the kernel's bounds
constexpr uint64_t QUOTA_MIN_US = 1'000;
constexpr uint64_t MICRO = 1'000'000;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool holds(std::string_view list, char separator, std::string_view word) {
  auto words = split(list, separator);
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Mount {
  std::string_view point;
  std::string_view type;
  std::string_view superOptions;
};

// "36 35 98:0 /root /point options [tags...] - type source superOptions", see proc(5).
std::optional<Mount> parseMount(std::string_view line) {
  auto fields = split(line, ' ');
  auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  return Mount{fields[4], dash[1], dash[3]};
}

}  // namespace

std::optional<CgroupLayout> chooseCgroupLayout(std::string_view mountInfo,
                                               const std::function<std::string(const std::string&)>& readFile) {
  CgroupLayout v1{CgroupVersion::V1};
  for (auto line : split(mountInfo, '\n')) {
    auto mount = parseMount(line);
    if (!mount) continue;
    std::string point(mount->point);
    if (mount->type == "cgroup2") {
      auto controllers = readFile(point + "/cgroup.controllers");
      std::replace(controllers.begin(), controllers.end(), '\n', ' ');
      if (holds(controllers, ' ', "memory") && holds(controllers, ' ', "cpu") && holds(controllers, ' ', "pids")) {
        return CgroupLayout{CgroupVersion::V2, point, point, point};
      }
    } else if (mount->type == "cgroup") {
      if (holds(mount->superOptions, ',', "memory")) v1.memory = point;
      if (holds(mount->superOptions, ',', "cpu")) v1.cpu = point;
      if (holds(mount->superOptions, ',', "pids")) v1.pids = point;
    }
  }
  if (v1.memory.empty() || v1.cpu.empty() || v1.pids.empty()) return std::nullopt;
  return v1;
}

CpuQuota cpuQuota(MicroCpu cpu) {
  uint64_t share = std::min(cpu.value(), UINT64_MAX / PERIOD_MAX_US);
  uint64_t period = PERIOD_US;
  if (share * period < QUOTA_MIN_US * MICRO) {
    period = share == 0 ? PERIOD_MAX_US : std::min(PERIOD_MAX_US, (QUOTA_MIN_US * MICRO + share - 1) / share);
  }
  return {std::max(QUOTA_MIN_US, share * period / MICRO), period};
}

std::vector<CgroupWrite> cgroupWrites(const CgroupLayout& layout, const CgroupLimits& limits) {
  auto memory = std::to_string(std::min(limits.memory.value(), UINT64_MAX >> 21) << 20);
  auto quota = cpuQuota(limits.cpu);
  auto pids = std::to_string(limits.pids);
  auto quotaUs = std::to_string(quota.quotaUs);
  auto periodUs = std::to_string(quota.periodUs);
  switch (layout.version) {
    case CgroupVersion::V1:
      return {{layout.memory, "memory.limit_in_bytes", memory, CgroupNeed::REQUIRED},
              {layout.memory, "memory.memsw.limit_in_bytes", memory, CgroupNeed::WHERE_PRESENT},
              {layout.cpu, "cpu.cfs_period_us", periodUs, CgroupNeed::REQUIRED},
              {layout.cpu, "cpu.cfs_quota_us", quotaUs, CgroupNeed::REQUIRED},
              {layout.pids, "pids.max", pids, CgroupNeed::REQUIRED}};
    case CgroupVersion::V2:
      return {{layout.memory, "memory.max", memory, CgroupNeed::REQUIRED},
              {layout.memory, "memory.swap.max", "0", CgroupNeed::WHERE_PRESENT},
              {layout.memory, "memory.oom.group", "1", CgroupNeed::REQUIRED},
              {layout.cpu, "cpu.max", quotaUs + " " + periodUs, CgroupNeed::REQUIRED},
              {layout.pids, "pids.max", pids, CgroupNeed::REQUIRED}};
  }
  return {};
}

uint64_t valueOf(std::string_view key, std::string_view lines) {
  for (auto line : split(lines, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    uint64_t value = 0;
    std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
    return value;
  }
  return 0;
}

}  // namespace meridian::container
