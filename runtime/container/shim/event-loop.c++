#include "runtime/container/shim/event-loop.h"

#include <time.h>

#include <cerrno>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

constexpr int BATCH = 64;  // events taken from the kernel at once
constexpr int64_t NS_PER_MS = 1'000'000;

int64_t monotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

EventLoop::EventLoop(): epoll_(need(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

EventLoop::Token EventLoop::watch(int fd, uint32_t events, Handler handler) {
  Token token = nextToken_++;
  epoll_event event{.events = events, .data = {.u64 = token}};
  need(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "watch a descriptor");
  watches_.emplace(token, std::make_shared<Watch>(Watch{fd, std::move(handler)}));
  return token;
}

void EventLoop::change(Token token, uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = token}};
  need(epoll_ctl(epoll_, EPOLL_CTL_MOD, watches_.at(token)->fd, &event), "change a watch");
}

void EventLoop::unwatch(Token token) {
  auto found = watches_.find(token);
  if (found == watches_.end()) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second->fd, nullptr);
  watches_.erase(found);
}

EventLoop::Timer EventLoop::after(Duration delay, std::function<void()> action) {
  Timer timer{monotonicNs() + delay.count(), nextTimer_++};
  timers_.emplace(timer, std::move(action));
  return timer;
}

void EventLoop::cancel(Timer timer) { timers_.erase(timer); }

void EventLoop::run(const std::function<void()>& afterEach, const std::function<void(const std::exception&)>& failed) {
  epoll_event events[BATCH];
  while (!stopped_) {
    int count = epoll_wait(epoll_, events, BATCH, waitMs());
    if (count < 0 && errno != EINTR) need(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      auto found = watches_.find(events[i].data.u64);
      if (found == watches_.end()) continue;
      auto watch = found->second;  // lives through its own unwatch
      try {
        watch->handler(events[i].events);
      } catch (const std::exception& error) {
        failed(error);
      }
    }
    runTimers(failed);
    afterEach();
  }
}

int EventLoop::waitMs() const {
  if (timers_.empty()) return -1;
  int64_t left = timers_.begin()->first.first - monotonicNs();
  return left <= 0 ? 0 : static_cast<int>((left + NS_PER_MS - 1) / NS_PER_MS);
}

void EventLoop::runTimers(const std::function<void(const std::exception&)>& failed) {
  int64_t now = timers_.empty() ? 0 : monotonicNs();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto action = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    try {
      action();
    } catch (const std::exception& error) {
      failed(error);
    }
  }
}

}  // namespace meridian::shim
