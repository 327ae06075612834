#include "runtime/container/log-reader.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/container/log-format.h"

namespace meridian::container {

std::vector<std::string> LogReader::read() {
  if (!current_) openFirst();
  std::vector<std::string> lines;
  while (current_ && lines.empty() && (readBytes(*current_) || openNext())) lines = takeLines();
  return lines;
}

std::vector<std::string> LogReader::takeLines() {
  std::vector<std::string> lines;
  size_t start = 0;
  for (size_t end; (end = partial_.find('\n', start)) != std::string::npos; start = end + 1) {
    lines.push_back(partial_.substr(start, end - start));
  }
  partial_.erase(0, start);
  // What is longer than any line was never a log.
  if (partial_.size() > LOG_LINE_MAX) partial_.clear();
  return lines;
}

std::optional<LogReader::File> LogReader::open(const char* name) const {
  int fd = ::open((folder_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  KJ_SYSCALL(fd, folder_, name);
  File file{kj::AutoCloseFd(fd), 0};
  struct stat info;
  KJ_SYSCALL(fstat(fd, &info));
  file.inode = info.st_ino;
  return file;
}

// The newer file first: if it is renamed in between, the older name then leads to the same file.
void LogReader::openFirst() {
  auto newer = open(LOG_FILE);
  auto older = open(LOG_FILE_OLDER);
  if (older && !(newer && newer->inode == older->inode)) {
    current_ = kj::mv(older);
    next_ = kj::mv(newer);
  } else {
    current_ = kj::mv(newer);
  }
}

// The current file has been read to its end. When another has taken its name nothing more is
// written to it, but something may have been just before: it is read once more. After two rotations
// at once the file in between is still there as the older one.
bool LogReader::openNext() {
  if (!next_) {
    auto newer = open(LOG_FILE);
    if (!newer || newer->inode == current_->inode) return false;
    auto older = open(LOG_FILE_OLDER);
    next_ = older && older->inode != current_->inode ? kj::mv(older) : kj::mv(newer);
    return true;
  }
  current_ = kj::mv(next_);
  next_ = std::nullopt;
  partial_.clear();  // a line does not go on in another file
  return true;
}

// False at the end of the file.
bool LogReader::readBytes(File& file) {
  char bytes[READ_BYTES];
  ssize_t count;
  KJ_SYSCALL(count = pread(file.fd, bytes, sizeof(bytes), file.offset));
  file.offset += count;
  partial_.append(bytes, count);
  return count > 0;
}

}  // namespace meridian::container
