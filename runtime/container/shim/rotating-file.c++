#include "runtime/container/shim/rotating-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace meridian::shim {

RotatingFile::RotatingFile(const std::string& folder, const std::string& name, const std::string& older, uint64_t bytesMax)
    : path_(folder + "/" + name), olderPath_(folder + "/" + older), bytesMax_(bytesMax) {}

void RotatingFile::append(std::string_view lines) {
  bool isOpen = fd_.get() >= 0 || open();
  if (isOpen && bytes_ > 0 && bytes_ + lines.size() + 1 > bytesMax_) rotate();
  if (isOpen && torn_) write("\n");
  auto kept = isOpen && !torn_ ? write(lines) : 0;
  droppedBytes_ += lines.size() - kept;
}

// False, and everything as before, if there is no file to be had.
bool RotatingFile::open() {
  int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  kj::AutoCloseFd fd(::open(path_.c_str(), flags, 0600));
  struct stat found;
  if (fd.get() < 0 || fstat(fd, &found) < 0) return false;
  char last = '\n';
  if (found.st_size > 0 && pread(fd, &last, 1, found.st_size - 1) != 1) return false;
  fd_ = kj::mv(fd);
  bytes_ = found.st_size;
  torn_ = last != '\n';
  return true;
}

// If the rename or the fresh file fails the old one goes on: better too long than lost.
void RotatingFile::rotate() {
  if (rename(path_.c_str(), olderPath_.c_str()) < 0) return;
  if (!open()) rename(olderPath_.c_str(), path_.c_str());
}

// How many bytes could be written.
size_t RotatingFile::write(std::string_view bytes) {
  size_t kept = 0;
  while (kept < bytes.size()) {
    auto written = ::write(fd_, bytes.data() + kept, bytes.size() - kept);
    if (written <= 0) break;
    kept += written;
    torn_ = bytes[kept - 1] != '\n';
  }
  bytes_ += kept;
  return kept;
}

}  // namespace meridian::shim
