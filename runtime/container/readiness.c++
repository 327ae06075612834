#include "runtime/container/readiness.h"

#include <arpa/inet.h>
#include <kj/debug.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>

namespace meridian::container {

namespace {

// A SYN that nobody answers, because the interface is not up yet or a queue is full: try anew
// rather than wait for the kernel's second one, which comes after a second.
constexpr auto ANSWER_TIMEOUT = 50 * kj::MILLISECONDS;

// Of the timer's clock, and so not the one that a loop freezes for a turn.
Duration monotonic() {
  timespec now;
  KJ_SYSCALL(clock_gettime(CLOCK_MONOTONIC, &now));
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

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
  for (auto port: ports) probes.add(probe(address, port, monotonic()));
  return kj::joinPromises(probes.finish());
}

kj::Promise<void> ReadinessProber::probe(uint32_t address, uint16_t port, Duration since) {
  auto begun = monotonic();
  auto attempt = kj::heap<Attempt>(port_, address, port);
  auto accepted = attempt->accepted(port_.getTimer());
  return accepted.attach(kj::mv(attempt)).then([this, address, port, since, begun](bool accepted) -> kj::Promise<void> {
    if (accepted) return kj::READY_NOW;
    auto interval = begun - since < YOUNG_FOR ? INTERVAL_YOUNG : INTERVAL;
    return until(begun + interval).then([this, address, port, since] { return probe(address, port, since); });
  });
}

kj::Promise<void> ReadinessProber::until(Duration moment) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  if (waiting_.empty() || moment < waiting_.begin()->first) armAt(moment);
  waiting_.emplace(moment, kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

kj::Promise<void> ReadinessProber::tick() {
  return observer_.whenBecomesReadable().then([this] {
    uint64_t expirations;
    KJ_NONBLOCKING_SYSCALL(read(timer_, &expirations, sizeof(expirations)));
    tryThoseDue();
    return tick();
  });
}

void ReadinessProber::tryThoseDue() {
  auto now = monotonic();
  for (size_t tries = 0; tries < TRIES_PER_TICK_MAX && !waiting_.empty() && waiting_.begin()->first <= now;) {
    auto next = kj::mv(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    if (!next->isWaiting()) continue;  // the probe was dropped
    next->fulfill();
    tries++;
  }
  if (!waiting_.empty()) armAt(std::max(waiting_.begin()->first, now + INTERVAL_YOUNG));
}

void ReadinessProber::armAt(Duration moment) {
  auto nanoseconds = moment.count();
  itimerspec spec{};
  spec.it_value.tv_sec = nanoseconds / 1'000'000'000;
  spec.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  KJ_SYSCALL(timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr));
}

}  // namespace meridian::container
