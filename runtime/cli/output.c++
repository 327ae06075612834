#include "runtime/cli/output.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

#include "runtime/cli/failure.h"

namespace meridian::cli {

void writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(written);
    } else if (errno == EPIPE) {
      throw OutputClosed();
    } else if (errno != EINTR) {
      throw Failure(std::string("cannot write the output: ") + std::strerror(errno));
    }
  }
}

void print(std::string_view text) { writeAll(STDOUT_FILENO, text); }

void OutputStream::write(std::string_view bytes) {
  if (failure_) return;
  try {
    writeAll(fd_, bytes);
  } catch (...) {
    failure_ = std::current_exception();
    failed_.fulfiller->fulfill();
  }
}

void OutputStream::finish() {
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace meridian::cli
