#include "runtime/platform/state-folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace meridian::platform {

namespace {

std::string why() { return std::strerror(errno); }

kj::AutoCloseFd takeLock(const std::string& folder, const std::string& mode) {
  auto path = folder + "/lock";
  kj::AutoCloseFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) throw std::runtime_error("state folder " + folder + ": cannot open its lock: " + why());
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char owner[64] = {};
    auto size = pread(fd, owner, sizeof(owner) - 1, 0);
    throw std::runtime_error("state folder " + folder + " is in use by " +
                             (size > 0 ? std::string(owner, static_cast<size_t>(size)) : "another platform"));
  }
  auto owner = "`meridian " + mode + "`, pid " + std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    throw std::runtime_error("state folder " + folder + ": cannot write its lock: " + why());
  }
  return fd;
}

}  // namespace

void checkSocketPath(const std::string& path) {
  if (path.size() <= SOCKET_PATH_MAX) return;
  throw std::runtime_error("socket path " + path + " has " + std::to_string(path.size()) +
                           " bytes; allowed are " + std::to_string(SOCKET_PATH_MAX) + ": use a state folder with a shorter path");
}

StateFolder::StateFolder(const std::string& path, const std::string& mode)
    : path_(std::filesystem::absolute(path).lexically_normal().string()) {
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  checkSocketPath(at("shim/shim.sock"));
  for (auto folder : {path_, at("server"), at("agent"), at("shim"), at("logs"), at("images"), at("run")}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw std::runtime_error("state folder " + folder + " cannot be made: " + error.message());
    chmod(folder.c_str(), 0700);
  }
  lock_ = takeLock(path_, mode);
}

}  // namespace meridian::platform
