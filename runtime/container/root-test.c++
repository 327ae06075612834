#include "runtime/container/root-test.h"

#include <kj/debug.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

namespace meridian::container {

namespace {

namespace fs = std::filesystem;

constexpr int MESON_SKIP = 77;

// Mount points below the folder, innermost last.
std::vector<std::string> mountsBelow(const std::string& folder) {
  std::vector<std::string> mounts;
  std::ifstream table("/proc/self/mounts");
  std::string device, point, rest;
  while (table >> device >> point && std::getline(table, rest)) {
    if (point.starts_with(folder + "/")) mounts.push_back(point);
  }
  return mounts;
}

size_t countEntries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), {});
}

size_t countLoopDevicesBelow(const std::string& folder) {
  size_t count = 0;
  for (auto& device: fs::directory_iterator("/sys/block")) {
    std::ifstream backing(device.path() / "loop/backing_file");
    std::string file;
    if (std::getline(backing, file) && file.starts_with(folder)) count++;
  }
  return count;
}

size_t countInterfaces(const std::string& mark) {
  auto interfaces = if_nameindex();
  KJ_DEFER(if_freenameindex(interfaces));
  size_t count = 0;
  for (auto each = interfaces; each->if_index != 0; each++) {
    if (std::string(each->if_name).find(mark) != std::string::npos) count++;
  }
  return count;
}

size_t countCgroups(const std::string& mark) {
  size_t count = 0;
  std::error_code ignored;  // groups of others come and go while we look
  for (fs::recursive_directory_iterator each("/sys/fs/cgroup", ignored), end; each != end;
       each.increment(ignored)) {
    if (each->is_directory(ignored) && each->path().string().find(mark) != std::string::npos)
      count++;
  }
  return count;
}

}  // namespace

void requireRoot() {
  if (geteuid() == 0) return;
  std::cout << "SKIP: making containers needs root" << std::endl;
  exit(MESON_SKIP);
}

TemporaryState::TemporaryState() {
  char pattern[] = "/tmp/meridian-state-XXXXXX";
  KJ_ASSERT(mkdtemp(pattern) != nullptr);
  path_ = pattern;
}

TemporaryState::~TemporaryState() {
  auto mounts = mountsBelow(path_);
  std::for_each(mounts.rbegin(), mounts.rend(),
                [](auto& point) { umount2(point.c_str(), MNT_DETACH); });
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Footprint measureFootprint(const std::string& folder, const std::string& interfaceMark,
                           const std::string& cgroupMark) {
  size_t files = std::distance(fs::recursive_directory_iterator(folder), {});
  return {countEntries("/proc/self/fd"),
          countEntries("/proc/self/task"),
          mountsBelow(folder).size(),
          countLoopDevicesBelow(folder),
          files,
          countInterfaces(interfaceMark),
          countCgroups(cgroupMark)};
}

std::ostream& operator<<(std::ostream& out, const Footprint& footprint) {
  return out << "descriptors=" << footprint.descriptors << " threads=" << footprint.threads
             << " mounts=" << footprint.mounts << " loop-devices=" << footprint.loopDevices
             << " files=" << footprint.files << " interfaces=" << footprint.interfaces
             << " cgroups=" << footprint.cgroups;
}

}  // namespace meridian::container
