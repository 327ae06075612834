// EventLoop: the shim's only wait, an epoll with timers. Descriptors are watched under a token that is never used again, so
// an event of a descriptor that an earlier event of the same batch has closed finds nobody.
//
// One thread. Handlers may watch, unwatch (themselves too) and stop; they must not block.
#pragma once

#include <sys/epoll.h>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include <kj/io.h>

#include "runtime/base/units.h"

namespace meridian::shim {

class EventLoop {
 public:
  using Token = uint64_t;  // never 0, which names no watch
  using Handler = std::function<void(uint32_t events)>;  // EPOLLIN, EPOLLOUT, EPOLLHUP, ...

  EventLoop();
  KJ_DISALLOW_COPY(EventLoop);

  // Level-triggered. The caller owns `fd` and unwatches it before closing it.
  Token watch(int fd, uint32_t events, Handler handler);
  void change(Token token, uint32_t events);
  void unwatch(Token token);  // no-op if it is not watched

  using Timer = std::pair<int64_t, uint64_t>;  // ns of the monotonic clock, and a number; the default names no timer
  Timer after(Duration delay, std::function<void()> action);
  void cancel(Timer timer);  // no-op if it has fired

  // Runs until stop(). `afterEach` runs after each batch of events. What a handler or timer throws goes to `failed`, and the
  // others go on.
  void run(const std::function<void()>& afterEach, const std::function<void(const std::exception&)>& failed);
  void stop() { stopped_ = true; }

 private:
  struct Watch {
    int fd;
    Handler handler;
  };

  kj::AutoCloseFd epoll_;
  std::unordered_map<Token, std::shared_ptr<Watch>> watches_;
  std::map<Timer, std::function<void()>> timers_;
  Token nextToken_ = 1;
  uint64_t nextTimer_ = 1;
  bool stopped_ = false;

  int waitMs() const;
  void runTimers(const std::function<void(const std::exception&)>& failed);
};

}  // namespace meridian::shim
