#include "runtime/container/readiness.h"

#include <arpa/inet.h>
#include <kj/debug.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace meridian::container {

namespace {

// A SYN that nobody answers, because the interface is not up yet or a queue is full: try anew
// rather than wait for the kernel's second one, which comes after a second.
constexpr auto ANSWER_TIMEOUT = 50 * kj::MILLISECONDS;

kj::AutoCloseFd makeTimer() {
  int fd;
  KJ_SYSCALL(fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  return kj::AutoCloseFd(fd);
}

// One connection; resolves to whether it was accepted.
class Attempt {
 public:
  Attempt(kj::UnixEventPort& port, uint32_t address, uint16_t number): fd_(makeSocket()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(address);
    to.sin_port = htons(number);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) error_ = errno;
    if (error_ == EINPROGRESS)
      observer_.emplace(port, fd_, kj::UnixEventPort::FdObserver::OBSERVE_WRITE);
  }

  kj::Promise<bool> accepted(kj::Timer& timer) {
    if (error_ != EINPROGRESS) return error_ == 0;
    auto answered = observer_->whenBecomesWritable().then([this] {
      socklen_t size = sizeof(error_);
      KJ_SYSCALL(getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size));
      return error_ == 0;
    });
    return answered.exclusiveJoin(timer.afterDelay(ANSWER_TIMEOUT).then([] { return false; }));
  }

 private:
  static kj::AutoCloseFd makeSocket() {
    int fd;
    KJ_SYSCALL(fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return kj::AutoCloseFd(fd);
  }

  kj::AutoCloseFd fd_;
  int error_ = 0;
  std::optional<kj::UnixEventPort::FdObserver> observer_;
};

}  // namespace

ReadinessProber::ReadinessProber(kj::UnixEventPort& port)
    : port_(port),
      timer_(makeTimer()),
      observer_(port, timer_, kj::UnixEventPort::FdObserver::OBSERVE_READ),
      ticking_(tick().eagerlyEvaluate(
          [](kj::Exception&& error) { KJ_LOG(FATAL, "readiness is no longer probed", error); })) {}

kj::Promise<void> ReadinessProber::whenReady(uint32_t address, std::vector<uint16_t> ports) {
  auto probes = kj::heapArrayBuilder<kj::Promise<void>>(ports.size());
  for (auto port: ports) probes.add(probe(address, port));
  return kj::joinPromises(probes.finish());
}

kj::Promise<void> ReadinessProber::probe(uint32_t address, uint16_t port) {
  auto attempt = kj::heap<Attempt>(port_, address, port);
  auto accepted = attempt->accepted(port_.getTimer());
  return accepted.attach(kj::mv(attempt))
      .then([this, address, port](bool accepted) -> kj::Promise<void> {
        if (accepted) return kj::READY_NOW;
        return nextTick().then([this, address, port] { return probe(address, port); });
      });
}

kj::Promise<void> ReadinessProber::nextTick() {
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiting_.push_back(kj::mv(paf.fulfiller));
  if (!armed_) arm(true);
  return kj::mv(paf.promise);
}

kj::Promise<void> ReadinessProber::tick() {
  return observer_.whenBecomesReadable().then([this] {
    uint64_t expirations;
    KJ_NONBLOCKING_SYSCALL(read(timer_, &expirations, sizeof(expirations)));
    for (size_t tries = 0; tries < TRIES_PER_TICK_MAX && !waiting_.empty();) {
      auto next = kj::mv(waiting_.front());
      waiting_.pop_front();
      if (!next->isWaiting()) continue;  // the probe was dropped
      next->fulfill();
      tries++;
    }
    if (waiting_.empty()) arm(false);
    return tick();
  });
}

void ReadinessProber::arm(bool on) {
  itimerspec spec{};
  if (on) spec.it_interval.tv_nsec = spec.it_value.tv_nsec = INTERVAL_US * 1000;
  KJ_SYSCALL(timerfd_settime(timer_, 0, &spec, nullptr));
  armed_ = on;
}

}  // namespace meridian::container
