#include "runtime/container/disk-pool.h"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace meridian::container {

namespace {

namespace fs = std::filesystem;

// The number of "17.img" or "17"; nothing for other names.
std::optional<uint64_t> numberOf(const fs::path& path) {
  auto name = path.stem().string();
  if (name.empty() || name.size() > 18 || name.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(name);
}

void removeLeftovers(const std::string& folder, const std::set<uint64_t>& inUse) {
  fs::create_directories(folder);
  std::vector<fs::path> entries;
  for (auto& entry: fs::directory_iterator(folder)) entries.push_back(entry.path());
  for (auto& path: entries) {
    auto number = numberOf(path);
    if (!number) {
      fs::remove(path);  // a template; it may be from a build with other options
    } else if (!inUse.contains(*number)) {
      auto name = folder + "/" + std::to_string(*number);
      removeDisk(name + ".img", name);
    }
  }
}

}  // namespace

DiskPool::DiskPool(std::string folder, env::Worker& worker, kj::Timer& timer, size_t level)
    : folder_(std::move(folder)),
      worker_(worker),
      timer_(timer),
      level_(level),
      loopDevicesBefore_(countLoopDevices()) {}

kj::Promise<void> DiskPool::open(std::set<uint64_t> inUse) {
  if (!inUse.empty()) lastNumber_ = *inUse.rbegin();
  return worker_.run(env::Urgency::SOON, [folder = folder_, inUse = std::move(inUse)] {
    removeLeftovers(folder, inUse);
  });
}

kj::Promise<DiskPool::Disk> DiskPool::take(DiskMb size) {
  KJ_REQUIRE(size.value() >= DISK_MB_MIN, "a disk is at least so many MB", DISK_MB_MIN,
             size.value());
  return poolOf(size).take();
}

kj::Promise<void> DiskPool::release(uint64_t number) {
  return worker_.run(env::Urgency::SOON,
                     [image = imageOf(number), mountPoint = mountPointOf(number)] {
                       removeDisk(image, mountPoint);
                     });
}

kj::Promise<void> DiskPool::drain() {
  auto drains = kj::heapArrayBuilder<kj::Promise<void>>(pools_.size());
  for (auto& [size, pool]: pools_) {
    drains.add(pool->drain().then([this](std::deque<Disk>&& disks) {
      auto releases = kj::heapArrayBuilder<kj::Promise<void>>(disks.size());
      for (auto& disk: disks) releases.add(release(disk.number));
      return kj::joinPromises(releases.finish());
    }));
  }
  return kj::joinPromises(drains.finish()).then([this] {
    templates_.clear();
    return worker_.run(env::Urgency::SOON, [folder = folder_, count = loopDevicesBefore_] {
      for (auto& entry: fs::directory_iterator(folder)) {
        if (!numberOf(entry.path())) fs::remove(entry.path());
      }
      trimLoopDevices(count);
    });
  });
}

Pool<DiskPool::Disk>& DiskPool::poolOf(DiskMb size) {
  auto found = pools_.find(size);
  if (found == pools_.end()) {
    auto pool = kj::heap<Pool<Disk>>(
        timer_, level_, [this, size](env::Urgency urgency) { return make(size, urgency); });
    found = pools_.emplace(size, kj::mv(pool)).first;
  }
  return *found->second;
}

kj::Promise<DiskPool::Disk> DiskPool::make(DiskMb size, env::Urgency urgency) {
  auto found = templates_.find(size);
  if (found == templates_.end()) {
    auto formatted = worker_.run(env::Urgency::SOON,
                                 [path = templateOf(size), size] { formatDisk(path, size); });
    found = templates_.emplace(size, formatted.fork()).first;
  }
  auto number = ++lastNumber_;
  return found->second.addBranch().then(
      [this, size, urgency, number] {
        return worker_.call(urgency, [from = templateOf(size), image = imageOf(number),
                                      mountPoint = mountPointOf(number), number] {
          makeDisk(from, image, mountPoint);
          return Disk{number, mountPoint};
        });
      },
      [this, size](kj::Exception&& error) -> kj::Promise<Disk> {
        templates_.erase(size);  // the next one tries again
        return kj::mv(error);
      });
}

std::string DiskPool::imageOf(uint64_t number) const { return mountPointOf(number) + ".img"; }
std::string DiskPool::mountPointOf(uint64_t number) const {
  return folder_ + "/" + std::to_string(number);
}
std::string DiskPool::templateOf(DiskMb size) const {
  return folder_ + "/template-" + std::to_string(size.value());
}

}  // namespace meridian::container
