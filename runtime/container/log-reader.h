// LogReader: the lines of an ID's log files (log-format.h) in the order they were written, over
// rotations, without reading one twice. The files belong to the shim, which writes on; what is read
// here may end within a line, whose rest comes later. Blocking file reads of bounded size; used on
// one thread.
#pragma once

#include <kj/io.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace meridian::container {

class LogReader {
 public:
  static constexpr size_t READ_BYTES = 64 << 10;

  // The folder or its files need not be there yet.
  explicit LogReader(std::string folder): folder_(std::move(folder)) {}

  // The next lines, without line ends, at most about READ_BYTES of them; none when all that is
  // there has been read.
  std::vector<std::string> read();

 private:
  struct File {
    kj::AutoCloseFd fd;
    ino_t inode;
    off_t offset = 0;
  };

  std::optional<File> open(const char* name) const;
  std::vector<std::string> takeLines();
  void openFirst();
  bool openNext();
  bool readBytes(File& file);

  std::string folder_;
  std::optional<File> current_;
  std::optional<File> next_;  // known to follow the current one
  std::string partial_;       // the beginning of a line
};

}  // namespace meridian::container
