// ExitsFile: every exit that the platform has not acknowledged, durable before anyone is told. It is how an exit that
// happened while the platform was away is known afterwards, with its code.
//
// The file is a magic number and frames {size :u32, crc32 :u32, payload}, little-endian: first the number of the last exit
// before this file (8 bytes), then one flat Cap'n Proto ExitRecord each. A frame that is cut short or whose checksum is
// wrong ends the file: it was never synced, so it was never told. Acknowledged records go away when the file has grown, by
// writing a new one beside it and renaming.
//
// Single-threaded, blocking: one append is one write and one fdatasync for all exits of a batch.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <kj/io.h>

#include "runtime/container/shim/exit-record.h"

namespace meridian::shim {

class ExitsFile {
 public:
  // Opens or makes DIR/exits. Throws std::system_error, or std::runtime_error if the file is not one of ours.
  explicit ExitsFile(std::string dir);
  KJ_DISALLOW_COPY(ExitsFile);

  // Numbers the records and makes them durable. If that throws nothing was added, and the next call writes a new file.
  void append(std::vector<ExitRecord>& records);

  // Forgets the records up to this number. A throw means only that the file has not shrunk.
  void acknowledge(uint64_t number);

  const std::deque<ExitRecord>& unacknowledged() const { return records_; }
  uint64_t lastNumber() const { return lastNumber_; }

  // Bytes at the end of the file that were no whole record when it was opened.
  size_t tornBytes() const { return tornBytes_; }

 private:
  std::string dir_;
  kj::AutoCloseFd fd_;
  std::deque<ExitRecord> records_;
  uint64_t lastNumber_ = 0;
  size_t fileBytes_ = 0;
  size_t rewriteAbove_;  // file size at which acknowledging writes a new file
  size_t tornBytes_ = 0;
  bool sound_ = true;  // the file's end is known to be where we think it is

  void load(const std::string& bytes);
  void rewrite(const std::vector<ExitRecord>& added);
};

}  // namespace meridian::shim
