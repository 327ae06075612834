#include "runtime/container/shim/rotating-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

RotatingFile::RotatingFile(std::string folder, std::string name, std::string older, uint64_t bytesMax)
    : path_(folder + "/" + name), olderPath_(folder + "/" + older), bytesMax_(bytesMax) {
  open();
}

void RotatingFile::open() {
  int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  fd_ = kj::AutoCloseFd(need(::open(path_.c_str(), flags, 0600), "open a log file"));
  struct stat found;
  need(fstat(fd_, &found), "open a log file");
  bytes_ = found.st_size;
  char last = '\n';
  if (bytes_ > 0) need(pread(fd_, &last, 1, bytes_ - 1), "read a log file");
  torn_ = last != '\n';
}

void RotatingFile::rotate() {
  // If the rename or the fresh file fails, the old one goes on: better too long than lost.
  if (rename(path_.c_str(), olderPath_.c_str()) < 0) return;
  try {
    open();
  } catch (const std::system_error&) {
    rename(olderPath_.c_str(), path_.c_str());
  }
}

void RotatingFile::append(std::string_view lines) {
  if (bytes_ > 0 && bytes_ + lines.size() + 1 > bytesMax_) rotate();
  if (torn_) {
    if (write(fd_, "\n", 1) == 1) {
      torn_ = false;
      ++bytes_;
    }
  }
  while (!lines.empty()) {
    auto written = write(fd_, lines.data(), lines.size());
    if (written <= 0) {
      droppedBytes_ += lines.size();
      return;
    }
    bytes_ += written;
    torn_ = lines[written - 1] != '\n';
    lines.remove_prefix(written);
  }
}

}  // namespace meridian::shim
