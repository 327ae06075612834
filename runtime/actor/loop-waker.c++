#include "runtime/actor/loop-waker.h"

#include <kj/debug.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace meridian::actor {

namespace {

kj::AutoCloseFd newEventFd() {
  int fd;
  KJ_SYSCALL(fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return kj::AutoCloseFd(fd);
}

}  // namespace

LoopWaker::LoopWaker(kj::UnixEventPort& port, Shard& shard)
    : shard_(shard), fd_(newEventFd()),
      observer_(port, fd_, kj::UnixEventPort::FdObserver::OBSERVE_READ),
      watching_(watch().eagerlyEvaluate(nullptr)) {
  shard.setWaker(*this);
}

void LoopWaker::wake() {
  if (roused_.exchange(true)) return;
  uint64_t one = 1;
  // The counter cannot overflow: it is written at most once between two reads.
  KJ_SYSCALL(write(fd_, &one, sizeof(one)));
}

kj::Promise<void> LoopWaker::watch() {
  return observer_.whenBecomesReadable().then([this]() {
    uint64_t count;
    ssize_t n;
    KJ_NONBLOCKING_SYSCALL(n = read(fd_, &count, sizeof(count)));
    roused_.store(false);
    shard_.roused();
    return watch();
  });
}

}  // namespace meridian::actor
