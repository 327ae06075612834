#include "runtime/cli/state-folder.h"

#include <sys/un.h>

#include "runtime/cli/failure.h"

namespace meridian::cli {

namespace {

constexpr size_t SOCKET_PATH_MAX_BYTES = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

std::vector<std::string> candidateFolders(const std::optional<std::string>& given) {
  if (given) return {*given};
  return {std::string(STATE_FOLDER_DEV), std::string(STATE_FOLDER_UP)};
}

std::string socketPath(const std::string& folder) {
  std::string path = folder + "/rpc.sock";
  if (path.size() > SOCKET_PATH_MAX_BYTES) {
    throw Failure("the socket path " + path + " has " + std::to_string(path.size()) +
                  " bytes; allowed: at most " + std::to_string(SOCKET_PATH_MAX_BYTES) +
                  ", so choose a shorter --state DIR");
  }
  return path;
}

}  // namespace meridian::cli
