#include "runtime/container/process-end.h"

#include <kj/debug.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::container {

namespace {

struct WatchedProcess {
  WatchedProcess(kj::UnixEventPort& port, kj::AutoCloseFd pidfd)
      : fd(kj::mv(pidfd)), observer(port, fd, kj::UnixEventPort::FdObserver::OBSERVE_READ) {}

  kj::AutoCloseFd fd;
  kj::UnixEventPort::FdObserver observer;
};

}  // namespace

kj::Promise<void> whenProcessEnds(kj::UnixEventPort& port, pid_t pid) {
  if (pid == getpid()) return kj::READY_NOW;
  kj::AutoCloseFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd.get() < 0) {
    int error = errno;
    KJ_REQUIRE(error == ESRCH, "cannot watch a process", pid, strerror(error));
    return kj::READY_NOW;
  }
  auto process = kj::heap<WatchedProcess>(port, kj::mv(pidfd));
  auto ended = process->observer.whenBecomesReadable();
  return ended.attach(kj::mv(process));
}

}  // namespace meridian::container
