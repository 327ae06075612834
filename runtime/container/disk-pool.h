// DiskPool: disks of the sizes that are in use, kept ready. A disk has a number that is unique in
// the folder for as long as the disk exists; an instance's tag carries it, so that a restarted
// platform finds it again:
//
//   run/disks/NUMBER.img   run/disks/NUMBER/ (its mount point)   run/disks/template-MB
//
// Used on one loop; the work is done by the worker.
#pragma once

#include <map>
#include <set>

#include "runtime/container/disk.h"
#include "runtime/container/pool.h"

namespace meridian::container {

class DiskPool {
 public:
  // `level` disks are kept ready of each size that was primed or taken once.
  DiskPool(std::string folder, env::Worker& worker, kj::Timer& timer, size_t level);

  struct Disk {
    uint64_t number;
    std::string writable;  // the folder with `upper` and `work`
  };

  // First of all: removes what lies in the folder except the disks in use, and never uses their
  // numbers again.
  kj::Promise<void> open(std::set<uint64_t> inUse);

  void prime(DiskMb size) { poolOf(size).fill(); }
  kj::Promise<Disk> take(DiskMb size);

  // Removes the disk and all that was written to it.
  kj::Promise<void> release(uint64_t number);

  // Empties the pools, and removes templates and loop devices that are not needed any more. Nothing
  // is made ahead afterwards.
  kj::Promise<void> drain();

 private:
  Pool<Disk>& poolOf(DiskMb size);
  kj::Promise<Disk> make(DiskMb size, env::Urgency urgency);
  std::string imageOf(uint64_t number) const;
  std::string mountPointOf(uint64_t number) const;
  std::string templateOf(DiskMb size) const;

  std::string folder_;
  env::Worker& worker_;
  kj::Timer& timer_;
  size_t level_;
  uint64_t lastNumber_ = 0;
  int loopDevicesBefore_;
  std::map<DiskMb, kj::ForkedPromise<void>> templates_;
  std::map<DiskMb, kj::Own<Pool<Disk>>> pools_;
};

}  // namespace meridian::container
