#include "runtime/platform/capacity.h"

#include <kj/debug.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace meridian::platform {

namespace {

MicroCpu cpuOfKernel() { return MicroCpu(static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)) * 1'000'000); }

MemoryMib memoryOfKernel() {
  struct sysinfo info;
  KJ_SYSCALL(sysinfo(&info));
  return MemoryMib((static_cast<uint64_t>(info.totalram) * info.mem_unit) >> 20);
}

DiskMb diskFree(const std::string& folder) {
  struct statvfs info;
  KJ_SYSCALL(statvfs(folder.c_str(), &info), folder);
  return DiskMb(static_cast<uint64_t>(info.f_bavail) * info.f_frsize / 1'000'000);
}

}  // namespace

Resources capacityOf(const cli::Capacity& declared, const std::string& stateFolder) {
  return {declared.cpu ? *declared.cpu : cpuOfKernel(), declared.memory ? *declared.memory : memoryOfKernel(),
          declared.disk ? *declared.disk : diskFree(stateFolder)};
}

}  // namespace meridian::platform
