// What the composition root (runtime/main.c++) does for the command line: the verbs that are a platform, or end one. Their
// options arrive here checked and with defaults filled in; the answer is the status of the process. An implementation
// may throw std::runtime_error or kj::Exception: the command line prints it as its one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "runtime/base/units.h"
#include "runtime/cli/config.h"

namespace meridian::cli {

// What the machine may give to instances; what is absent is what the kernel reports.
struct Capacity {
  std::optional<MicroCpu> cpu;
  std::optional<MemoryMib> memory;
  std::optional<DiskMb> disk;
};

struct HttpAddress {
  std::string host = "127.0.0.1";
  uint16_t port = 8787;  // 0: the kernel picks one
};

struct DevOptions {
  std::filesystem::path stateFolder;  // absolute, as in the other options
  ApplicationConfig application;
  HttpAddress http;
  Capacity capacity;
};

struct UpOptions {
  std::filesystem::path stateFolder;
  HttpAddress http;
  Capacity capacity;
};

struct DownOptions {
  std::filesystem::path stateFolder;
};

class Platform {
 public:
  virtual ~Platform() = default;

  virtual int dev(const DevOptions& options) = 0;
  virtual int up(const UpOptions& options) = 0;
  virtual int down(const DownOptions& options) = 0;
};

}  // namespace meridian::cli
