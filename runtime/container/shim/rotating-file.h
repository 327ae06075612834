// RotatingFile: appends to FOLDER/NAME; when that would grow over its limit it becomes FOLDER/OLDER, replacing the one
// before. A write that fails loses its bytes and nothing else: a full disk must not end containers, so it is counted and
// the next write is tried afresh.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <kj/io.h>

namespace meridian::shim {

class RotatingFile {
 public:
  // Appends to what is there. Throws std::system_error if it cannot be opened.
  RotatingFile(std::string folder, std::string name, std::string older, uint64_t bytesMax);
  KJ_DISALLOW_COPY(RotatingFile);

  // Whole lines, each ending in a newline; together at most bytesMax.
  void append(std::string_view lines);

  uint64_t droppedBytes() const { return droppedBytes_; }

 private:
  std::string path_;
  std::string olderPath_;
  uint64_t bytesMax_;
  kj::AutoCloseFd fd_;
  uint64_t bytes_ = 0;
  bool torn_ = false;  // the file does not end with a newline
  uint64_t droppedBytes_ = 0;

  void open();
  void rotate();
};

}  // namespace meridian::shim
