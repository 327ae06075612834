// The calls must have the names by which LMDB knows them, not those of the 64-bit variants (which are the same functions on
// 64-bit Linux).
#undef _FILE_OFFSET_BITS

#include "tests/integration/store-crash/disk-tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace meridian::crash {

namespace {

std::atomic<DiskTap*> tapNow{nullptr};

FileId fileIdOf(int fd) {
  struct stat found;
  if (fstat(fd, &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

DiskTap::Durability durabilityOf(int fd) {
  return (fcntl(fd, F_GETFL) & O_DSYNC) ? DiskTap::Durability::SYNCED : DiskTap::Durability::CACHED;
}

std::string flatten(const iovec* parts, int partCount) {
  std::string bytes;
  for (int i = 0; i < partCount; ++i) bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return bytes;
}

enum class Place { POSITION, OFFSET };    // of the descriptor, or as given

// Runs `call` under the tap's eyes; `offset` is where it writes.
template <typename Call>
ssize_t tapWrite(int fd, off_t offset, Place place, const iovec* parts, int partCount, Call&& call) {
  auto* tap = tapNow.load();
  if (tap == nullptr) return call();
  auto file = fileIdOf(fd);
  auto durability = durabilityOf(fd);
  if (int refused = tap->mayWrite(file, durability)) {
    errno = refused;
    return -1;
  }
  auto bytes = flatten(parts, partCount);
  size_t length = tap->lengthOf(file, durability, bytes.size());
  ssize_t written;
  if (length == bytes.size()) {
    written = call();
  } else if (place == Place::OFFSET) {
    written = syscall(SYS_pwrite64, fd, bytes.data(), length, offset);
  } else {
    written = syscall(SYS_write, fd, bytes.data(), length);
  }
  int error = errno;
  if (written > 0) tap->wrote(file, offset, std::string_view(bytes).substr(0, written), durability);
  errno = error;
  return written;
}

off_t positionOf(int fd) { return lseek(fd, 0, SEEK_CUR); }

template <typename Call>
int tapSync(int fd, Call&& call) {
  auto* tap = tapNow.load();
  if (tap == nullptr) return call();
  auto file = fileIdOf(fd);
  if (int refused = tap->maySync(file)) {
    errno = refused;
    return -1;
  }
  int result = call();
  if (result == 0) tap->synced(file);
  return result;
}

}  // namespace

FileId fileIdOf(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) throw std::system_error(errno, std::generic_category(), path);
  return {found.st_dev, found.st_ino};
}

void setDiskTap(DiskTap* tap) { tapNow = tap; }

}  // namespace meridian::crash

// =======================================================================================
// libc's names.

using namespace meridian::crash;

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  iovec part{const_cast<void*>(bytes), size};
  return tapWrite(fd, positionOf(fd), Place::POSITION, &part, 1, [&] { return syscall(SYS_write, fd, bytes, size); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  iovec part{const_cast<void*>(bytes), size};
  return tapWrite(fd, offset, Place::OFFSET, &part, 1, [&] { return syscall(SYS_pwrite64, fd, bytes, size, offset); });
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) { return pwrite(fd, bytes, size, offset); }

ssize_t writev(int fd, const iovec* parts, int count) {
  return tapWrite(fd, positionOf(fd), Place::POSITION, parts, count, [&] { return syscall(SYS_writev, fd, parts, count); });
}

ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  // The kernel takes the offset in two halves, the upper one unused on 64 bits.
  return tapWrite(fd, offset, Place::OFFSET, parts, count, [&] { return syscall(SYS_pwritev, fd, parts, count, offset, 0L); });
}

int fdatasync(int fd) {
  return tapSync(fd, [&] { return static_cast<int>(syscall(SYS_fdatasync, fd)); });
}

int fsync(int fd) {
  return tapSync(fd, [&] { return static_cast<int>(syscall(SYS_fsync, fd)); });
}

int ftruncate(int fd, off_t size) noexcept {
  int result = static_cast<int>(syscall(SYS_ftruncate, fd, size));
  if (auto* tap = tapNow.load(); tap != nullptr && result == 0) tap->truncated(fileIdOf(fd), size);
  return result;
}

int rename(const char* from, const char* to) noexcept {
  int result = static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
  if (auto* tap = tapNow.load(); tap != nullptr && result == 0) tap->renamed(from, to);
  return result;
}

}  // extern "C"
