// An instance's own disk: a sparse file of a fixed size with an ext4 file system in it, mounted
// over a loop device, with the folders `upper` and `work` that an overlay needs. What is written
// there counts against this file alone, so a full disk is the instance's own. Each disk is a fresh
// copy of a formatted template (about 45 KB are real): copying takes 0.1 ms where mkfs takes 6, and
// a disk that was never used cannot hold another ID's data. These functions block; they may run on
// any thread.
#pragma once

#include <string>

#include "runtime/base/units.h"

namespace meridian::container {

inline constexpr uint64_t DISK_MB_MIN = 8;  // below it ext4 has no room for itself

// Makes the file with an empty file system; needs mkfs.ext4. Atomic: the path appears when it is
// whole.
void formatDisk(const std::string& path, DiskMb size);

// A copy of the template as `image`, mounted at `mountPoint`, which is made. On failure nothing
// stays.
void makeDisk(const std::string& templatePath, const std::string& image,
              const std::string& mountPoint);

// Unmounts, lets go of the loop device, deletes. Parts that are not there are fine.
void removeDisk(const std::string& image, const std::string& mountPoint);

// Loop devices that the kernel made for us stay as empty device nodes; this removes those above the
// count that was there before. Devices in use, also by others, stay.
int countLoopDevices();
void trimLoopDevices(int count);

}  // namespace meridian::container
