// RotatingFile: appends to FOLDER/NAME; when that would grow over its limit it becomes FOLDER/OLDER, replacing the one
// before. What cannot be written is lost and counted, and nothing else happens, for a full disk must not end containers; each
// write tries afresh. The file is opened at the first write: making a file can take long on a busy disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <kj/io.h>

namespace meridian::shim {

class RotatingFile {
 public:
  RotatingFile(const std::string& folder, const std::string& name, const std::string& older, uint64_t bytesMax);
  KJ_DISALLOW_COPY(RotatingFile);

  // Whole lines, each ending in a newline; together at most bytesMax.
  void append(std::string_view lines);

  uint64_t droppedBytes() const { return droppedBytes_; }

 private:
  std::string path_;
  std::string olderPath_;
  uint64_t bytesMax_;
  kj::AutoCloseFd fd_;  // none until it could be opened
  uint64_t bytes_ = 0;
  bool torn_ = false;  // the file does not end with a newline
  uint64_t droppedBytes_ = 0;

  bool open();
  void rotate();
  size_t write(std::string_view bytes);
};

}  // namespace meridian::shim
