#include "runtime/container/cgroup-layout.h"

#include <catch2/catch.hpp>

namespace meridian::container {

namespace {

const std::string V1 =
    "31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:29 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "33 30 0:30 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
    "34 30 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n";
const std::string V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string UNIFIED = "40 30 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

std::string controllers(const std::string& path) {
  if (path == "/sys/fs/cgroup/cgroup.controllers") return "cpuset cpu io memory hugetlb pids\n";
  if (path == "/sys/fs/cgroup/unified/cgroup.controllers") return "hugetlb\n";
  return "";
}

}  // namespace

TEST_CASE("v2 is chosen where its hierarchy has the controllers") {
  auto root = std::string("/sys/fs/cgroup");
  CHECK(chooseCgroupLayout(V2, controllers) == CgroupLayout{CgroupVersion::V2, root, root, root});
}

TEST_CASE("v1 is chosen where the controllers are there, also when a v2 tree without them is beside it") {
  CgroupLayout v1{CgroupVersion::V1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids"};
  CHECK(chooseCgroupLayout(V1, controllers) == v1);
  CHECK(chooseCgroupLayout(UNIFIED + V1, controllers) == v1);
}

TEST_CASE("without all three controllers there is no layout") {
  CHECK_FALSE(chooseCgroupLayout("", controllers));
  CHECK_FALSE(chooseCgroupLayout(UNIFIED, controllers));
  CHECK_FALSE(chooseCgroupLayout("garbage\n30 23 - x\n", controllers));
  CHECK_FALSE(chooseCgroupLayout(V1.substr(0, V1.find("33 30")), controllers));
}

TEST_CASE("a quota is the share of the period, and small shares get longer periods") {
  CHECK(cpuQuota(MicroCpu(4'000'000)) == CpuQuota{400'000, 100'000});
  CHECK(cpuQuota(MicroCpu(62'500)) == CpuQuota{6'250, 100'000});
  CHECK(cpuQuota(MicroCpu(10'000)) == CpuQuota{1'000, 100'000});
  CHECK(cpuQuota(MicroCpu(5'000)) == CpuQuota{1'000, 200'000});
  CHECK(cpuQuota(MicroCpu(1'000)) == CpuQuota{1'000, 1'000'000});
  for (uint64_t tooSmall : {0, 1, 999}) CHECK(cpuQuota(MicroCpu(tooSmall)) == CpuQuota{1'000, 1'000'000});
}

TEST_CASE("every quota is one the kernel takes and at most a thousandth of a CPU off") {
  for (uint64_t share = 1'000; share < 3'000'000; share += 977) {
    auto quota = cpuQuota(MicroCpu(share));
    CHECK(quota.quotaUs >= 1'000);
    CHECK(quota.periodUs <= 1'000'000);
    auto given = quota.quotaUs * 1'000'000 / quota.periodUs;
    CHECK(std::max(given, share) - std::min(given, share) <= 1'000);
  }
}

TEST_CASE("limits become the writes of each layout, in an order the kernel takes") {
  CgroupLimits limits{MicroCpu(62'500), MemoryMib(256), 1025};
  CgroupLayout v1{CgroupVersion::V1, "/m", "/c", "/p"};
  CHECK(cgroupWrites(v1, limits) ==
        std::vector<CgroupWrite>{{"/m", "memory.limit_in_bytes", "268435456", CgroupNeed::REQUIRED},
                                 {"/m", "memory.memsw.limit_in_bytes", "268435456", CgroupNeed::WHERE_PRESENT},
                                 {"/c", "cpu.cfs_period_us", "100000", CgroupNeed::REQUIRED},
                                 {"/c", "cpu.cfs_quota_us", "6250", CgroupNeed::REQUIRED},
                                 {"/p", "pids.max", "1025", CgroupNeed::REQUIRED}});
  CgroupLayout v2{CgroupVersion::V2, "/u", "/u", "/u"};
  CHECK(cgroupWrites(v2, limits) ==
        std::vector<CgroupWrite>{{"/u", "memory.max", "268435456", CgroupNeed::REQUIRED},
                                 {"/u", "memory.swap.max", "0", CgroupNeed::WHERE_PRESENT},
                                 {"/u", "memory.oom.group", "1", CgroupNeed::REQUIRED},
                                 {"/u", "cpu.max", "6250 100000", CgroupNeed::REQUIRED},
                                 {"/u", "pids.max", "1025", CgroupNeed::REQUIRED}});
}

TEST_CASE("a value is found by its whole key") {
  auto events = "low 0\noom 3\noom_kill 2\noom_group_kill 1\n";
  CHECK(valueOf("oom_kill", events) == 2);
  CHECK(valueOf("oom", events) == 3);
  CHECK(valueOf("absent", events) == 0);
  CHECK(valueOf("oom_kill", "") == 0);
}

}  // namespace meridian::container
