#include "runtime/cli/input.h"

#include <cerrno>
#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <thread>
#include <unistd.h>

namespace meridian::cli {

namespace {

constexpr size_t CHUNK_BYTES = 64 << 10;  // what ByteSink takes in one call

// Until the end of the input, or until nobody reads the pipe, which it closes.
void copyBlocking(int from, int pipe) {
  kj::AutoCloseFd to(pipe);
  char buffer[CHUNK_BYTES];
  for (;;) {
    ssize_t got = ::read(from, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    for (ssize_t sent = 0; sent < got;) {
      ssize_t written = ::write(to.get(), buffer + sent, got - sent);
      if (written < 0 && errno != EINTR) return;
      if (written > 0) sent += written;
    }
  }
}

struct Pump {
  kj::Own<kj::AsyncInputStream> input;
  schema::ByteSink::Client sink;
  kj::byte buffer[CHUNK_BYTES];

  kj::Promise<void> run() {
    return input->tryRead(buffer, 1, sizeof(buffer)).then([this](size_t count) {
      if (count == 0) return sink.endRequest().send().ignoreResult();
      auto request = sink.writeRequest();
      request.setBytes(kj::arrayPtr(buffer, count));
      return request.send().then([this]() { return run(); });
    });
  }
};

}  // namespace

kj::Promise<void> pumpInput(kj::LowLevelAsyncIoProvider& provider, int fd,
                            schema::ByteSink::Client sink) {
  int ends[2];
  KJ_SYSCALL(::pipe2(ends, O_CLOEXEC));
  kj::AutoCloseFd out(ends[0]);
  std::thread(copyBlocking, fd, ends[1]).detach();
  auto pump = kj::heap<Pump>(Pump{provider.wrapInputFd(kj::mv(out)), kj::mv(sink), {}});
  auto done = pump->run();
  return done.attach(kj::mv(pump));
}

}  // namespace meridian::cli
