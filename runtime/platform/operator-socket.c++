#include "runtime/platform/operator-socket.h"

#include <kj/debug.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/platform/state-folder.h"
#include "runtime/rpc/stream-wire.h"

namespace meridian::platform {

namespace {

kj::AutoCloseFd listenAt(const std::string& path) {
  checkSocketPath(path);
  unlink(path.c_str());
  int raw;
  KJ_SYSCALL(raw = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  kj::AutoCloseFd fd(raw);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, SOCKET_PATH_MAX);
  // The mode is right from the first moment on: the file is made by bind().
  auto before = umask(0177);
  KJ_DEFER(umask(before));
  KJ_SYSCALL(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), path);
  KJ_SYSCALL(listen(fd, SOMAXCONN), path);
  return fd;
}

}  // namespace

OperatorSocket::OperatorSocket(kj::LowLevelAsyncIoProvider& lowLevel, rpc::Vat& vat,
                               const std::string& path, capnp::Capability::Client bootstrap)
    : vat_(vat), path_(path), bootstrap_(kj::mv(bootstrap)),
      receiver_(lowLevel.wrapListenSocketFd(listenAt(path))), tasks_(*this) {
  tasks_.add(acceptForever());
}

OperatorSocket::~OperatorSocket() noexcept(false) { unlink(path_.c_str()); }

kj::Promise<void> OperatorSocket::acceptForever() {
  return receiver_->accept().then([this](kj::Own<kj::AsyncIoStream>&& stream) {
    vat_.accept(rpc::newStreamWire(vat_.shard(), kj::mv(stream)), bootstrap_);
    return acceptForever();
  });
}

void OperatorSocket::taskFailed(kj::Exception&& exception) {
  spdlog::error("operator-socket-failed reason={}", exception.getDescription().cStr());
}

}  // namespace meridian::platform
