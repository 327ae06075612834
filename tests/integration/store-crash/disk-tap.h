// DiskTap: hears of every call by which this process changes a file, LMDB's included, just above the kernel, and may refuse
// it. The executable defines write, pwrite, fdatasync and the rest itself; those definitions come before libc's for shared
// libraries too (link with export_dynamic).
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::crash {

struct FileId {
  uint64_t device;
  uint64_t inode;

  friend auto operator<=>(const FileId&, const FileId&) = default;
};

// Throws std::system_error when there is no such file.
FileId fileIdOf(const std::string& path);

class DiskTap {
 public:
  // CACHED: on disk after the next sync; SYNCED: when the call returns (a file opened with O_DSYNC or O_SYNC).
  enum class Durability { CACHED, SYNCED };

  // Asked before the kernel is: 0, or the errno with which the call fails instead. May be called on several threads.
  virtual int mayWrite(FileId file, Durability durability) { return 0; }
  virtual int maySync(FileId file) { return 0; }

  // How many of so many bytes are written, at least one: fewer than all is a short write.
  virtual size_t lengthOf(FileId file, Durability durability, size_t bytes) { return bytes; }

  // Told when the kernel has done it. `bytes` starts at `offset`, whatever call wrote it.
  virtual void wrote(FileId file, off_t offset, std::string_view bytes, Durability durability) {}
  virtual void synced(FileId file) {}
  virtual void truncated(FileId file, off_t size) {}
  virtual void renamed(const std::string& from, const std::string& to) {}

 protected:
  ~DiskTap() = default;
};

// One at a time; none by default. Taken off before the tap dies.
void setDiskTap(DiskTap* tap);

}  // namespace meridian::crash
