// StateFolder: where one platform keeps everything, and the lock that makes it one.
//
//   lock       held while a platform runs          server/  agent/   a store each
//   rpc.sock   the operator's socket, 0600         shim/             the shim's socket and exits
//   logs/ images/ run/                             of containers
#pragma once

#include <kj/io.h>

#include <string>

namespace meridian::platform {

class StateFolder {
 public:
  // Makes the folder if it is missing and takes the lock. Throws std::runtime_error with one clear line when the path is too long for
  // a socket, cannot be made, or another platform uses it; `mode` ("dev" or "up") is what such another one is told.
  StateFolder(const std::string& path, const std::string& mode);

  const std::string& path() const { return path_; }
  std::string at(const char* name) const { return path_ + "/" + name; }
  std::string socketPath() const { return at("rpc.sock"); }

 private:
  std::string path_;
  kj::AutoCloseFd lock_;
};

// The longest path a Unix socket may have, in bytes.
inline constexpr size_t SOCKET_PATH_MAX = 107;

// Throws std::runtime_error when the folder's sockets would have paths that are too long.
void checkSocketPath(const std::string& path);

}  // namespace meridian::platform
