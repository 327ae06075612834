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

OperatorSocket::OperatorSocket(kj::LowLevelAsyncIoProvider& lowLevel, rpc::Vat& vat, env::Clock& clock,
                               const std::string& path, capnp::Capability::Client bootstrap)
    : vat_(vat), clock_(clock), path_(path), bootstrap_(kj::mv(bootstrap)),
      receiver_(lowLevel.wrapListenSocketFd(listenAt(path))), tasks_(*this) {
  tasks_.add(acceptForever());
}

OperatorSocket::~OperatorSocket() noexcept(false) { unlink(path_.c_str()); }

kj::Promise<void> OperatorSocket::acceptForever() {
  return kj::evalNow([this]() { return receiver_->accept(); })
      .then(
          [this](kj::Own<kj::AsyncIoStream>&& stream) -> kj::Promise<void> {
            serve(kj::mv(stream));
            return kj::READY_NOW;
          },
          [this](kj::Exception&& error) -> kj::Promise<void> {
            // No descriptor is free, for example. Those who wait are served when there is one.
            spdlog::warn("operator-accept-failed reason={}", error.getDescription().cStr());
            return clock_.after(ACCEPT_BACKOFF);
          })
      .then([this]() { return acceptForever(); });
}

void OperatorSocket::serve(kj::Own<kj::AsyncIoStream> stream) {
  if (open_->connections >= CONNECTIONS_MAX) {
    if (!open_->fullReported) spdlog::warn("operator-connection-refused reason=more than {} connections (CONNECTIONS_MAX)", CONNECTIONS_MAX);
    open_->fullReported = true;
    return;
  }
  open_->connections++;
  auto counted = stream.attach(kj::defer([open = open_]() {
    open->connections--;
    open->fullReported = false;
  }));
  auto limits = rpc::limitsOfStrangers();
  auto wire = rpc::newStreamWire(vat_.shard(), clock_, kj::mv(counted), kj::str("operator#", ++lastNumber_), limits);
  vat_.accept(kj::mv(wire), bootstrap_, limits);
}

void OperatorSocket::taskFailed(kj::Exception&& exception) {
  spdlog::error("operator-socket-failed reason={}", exception.getDescription().cStr());
}

}  // namespace meridian::platform
