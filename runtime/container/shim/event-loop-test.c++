#include "runtime/container/shim/event-loop.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

struct Pipe {
  kj::AutoCloseFd in, out;

  Pipe() {
    int fds[2];
    need(pipe2(fds, O_CLOEXEC), "make a pipe");
    in = kj::AutoCloseFd(fds[0]);
    out = kj::AutoCloseFd(fds[1]);
    need(write(out, "x", 1), "write");
  }
};

}  // namespace

TEST_CASE("an event of a descriptor that another event of the batch has unwatched finds nobody") {
  EventLoop loop;
  Pipe one, two;
  EventLoop::Token tokens[2];
  int calls = 0;
  auto handler = [&](uint32_t) {
    ++calls;
    for (auto token : tokens) loop.unwatch(token);
    loop.stop();
  };
  tokens[0] = loop.watch(one.in, EPOLLIN, handler);
  tokens[1] = loop.watch(two.in, EPOLLIN, handler);
  loop.run([]() {}, [](const std::exception&) {});
  CHECK(calls == 1);
}

TEST_CASE("timers fire in their order, and not when cancelled") {
  EventLoop loop;
  std::string fired;
  loop.after(std::chrono::milliseconds(2), [&]() {
    fired += 'c';
    loop.stop();
  });
  auto cancelled = loop.after(std::chrono::milliseconds(1), [&]() { fired += 'x'; });
  loop.after(Duration(0), [&]() { fired += 'a'; });
  loop.after(std::chrono::milliseconds(1), [&]() { fired += 'b'; });
  loop.cancel(cancelled);
  loop.cancel({});
  loop.run([]() {}, [](const std::exception&) {});
  CHECK(fired == "abc");
}

TEST_CASE("what a handler or timer throws is told, and the others go on") {
  EventLoop loop;
  Pipe pipe;
  std::string told;
  EventLoop::Token token = loop.watch(pipe.in, EPOLLIN, [&](uint32_t) {
    loop.unwatch(token);
    throw std::runtime_error("handler ");
  });
  loop.after(Duration(0), []() { throw std::runtime_error("timer "); });
  loop.after(std::chrono::milliseconds(5), [&]() { loop.stop(); });
  int batches = 0;
  loop.run([&]() { ++batches; }, [&](const std::exception& error) { told += error.what(); });
  CHECK(told == "handler timer ");
  CHECK(batches >= 2);
}

}  // namespace meridian::shim
