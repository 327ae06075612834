#include "runtime/container/exec-process.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <signal.h>
#include <unistd.h>

namespace meridian::container {

namespace {

constexpr size_t CHUNK_BYTES = 64 << 10;
constexpr auto DRAIN_MAX = 1 * kj::SECONDS;

struct Pipe {
  kj::AutoCloseFd read, write;
};

// The process's end blocks, as programs expect; ours does not.
Pipe makePipe() {
  int fds[2];
  KJ_SYSCALL(pipe2(fds, O_CLOEXEC));
  return {kj::AutoCloseFd(fds[0]), kj::AutoCloseFd(fds[1])};
}

// The process's input. Bytes after it closed its end are dropped: not to read is its right.
class StdinSink final: public schema::ByteSink::Server {
 public:
  explicit StdinSink(kj::Own<kj::AsyncOutputStream> pipe): pipe_(kj::mv(pipe)) {}

  kj::Promise<void> write(WriteContext context) override {
    KJ_IF_MAYBE(pipe, pipe_) {
      auto bytes = context.getParams().getBytes();
      return (*pipe)->write(bytes.begin(), bytes.size()).catch_([this](kj::Exception&&) {
        pipe_ = nullptr;
      });
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext) override {
    pipe_ = nullptr;
    return kj::READY_NOW;
  }

 private:
  kj::Maybe<kj::Own<kj::AsyncOutputStream>> pipe_;
};

// Copies a pipe into a sink until its end.
class Pump {
 public:
  Pump(kj::Own<kj::AsyncInputStream> pipe, schema::ByteSink::Client sink)
      : pipe_(kj::mv(pipe)), sink_(kj::mv(sink)), buffer_(kj::heapArray<kj::byte>(CHUNK_BYTES)) {}

  kj::Promise<void> run() {
    return pipe_->tryRead(buffer_.begin(), 1, buffer_.size())
        .then([this](size_t bytes) -> kj::Promise<void> {
          if (bytes == 0) return kj::READY_NOW;
          auto request = sink_.writeRequest();
          request.setBytes(buffer_.slice(0, bytes));
          return request.send().then([this] { return run(); });
        });
  }

  // Also for a pipe that was given up before its end.
  kj::Promise<void> end() { return sink_.endRequest().send().ignoreResult(); }

 private:
  kj::Own<kj::AsyncInputStream> pipe_;
  schema::ByteSink::Client sink_;
  kj::Array<kj::byte> buffer_;
};

class ProcessServer final: public schema::Process::Server {
 public:
  ProcessServer(ExecPipes pipes, schema::ByteSink::Client output, schema::ByteSink::Client errors,
                kj::Promise<ExecExit> exited, kj::Function<kj::Promise<void>(int)> signal,
                kj::Timer& timer)
      : input_(kj::heap<StdinSink>(kj::mv(pipes.input))),
        out_(kj::mv(pipes.output), kj::mv(output)),
        err_(kj::mv(pipes.errors), kj::mv(errors)),
        signal_(kj::mv(signal)),
        ended_(run(kj::mv(exited), timer).fork()) {}

  ~ProcessServer() noexcept(false) {
    if (!exited_) signal_(SIGKILL).detach([](kj::Exception&&) {});
  }

  kj::Promise<void> stdin(StdinContext context) override {
    context.getResults().setSink(input_);
    return kj::READY_NOW;
  }

  kj::Promise<void> wait(WaitContext context) override {
    return ended_.addBranch().then([context](ExecExit exit) mutable {
      context.getResults().setCode(exit.code);
      context.getResults().setSignal(exit.signal);
    });
  }

  kj::Promise<void> signal(SignalContext context) override {
    if (exited_) return kj::READY_NOW;
    return signal_(context.getParams().getNumber());
  }

 private:
  // The exit is told after everything that was written.
  kj::Promise<ExecExit> run(kj::Promise<ExecExit> exited, kj::Timer& timer) {
    auto outputs = kj::heapArrayBuilder<kj::Promise<void>>(2);
    for (auto pump: {&out_, &err_}) {
      // A sink that fails stops its own stream, not the process.
      outputs.add(pump->run().catch_([](kj::Exception&&) {}));
    }
    auto drained = kj::joinPromises(outputs.finish()).eagerlyEvaluate(nullptr);
    return exited.then([this, &timer, drained = kj::mv(drained)](ExecExit exit) mutable {
      exited_ = true;
      return drained.exclusiveJoin(timer.afterDelay(DRAIN_MAX))
          .then([this] { return endSinks(); })
          .then([exit] { return exit; });
    });
  }

  kj::Promise<void> endSinks() {
    auto ends = kj::heapArrayBuilder<kj::Promise<void>>(2);
    for (auto pump: {&out_, &err_}) ends.add(pump->end().catch_([](kj::Exception&&) {}));
    return kj::joinPromises(ends.finish());
  }

  schema::ByteSink::Client input_;
  Pump out_, err_;
  kj::Function<kj::Promise<void>(int)> signal_;
  bool exited_ = false;
  kj::ForkedPromise<ExecExit> ended_;
};

}  // namespace

ExecPipes::ExecPipes(kj::LowLevelAsyncIoProvider& io) {
  using Flags = kj::LowLevelAsyncIoProvider;
  constexpr auto FLAGS = Flags::TAKE_OWNERSHIP | Flags::ALREADY_CLOEXEC;
  auto in = makePipe(), out = makePipe(), err = makePipe();
  input = io.wrapOutputFd(in.write.release(), FLAGS);
  output = io.wrapInputFd(out.read.release(), FLAGS);
  errors = io.wrapInputFd(err.read.release(), FLAGS);
  theirs[0] = kj::mv(in.read);
  theirs[1] = kj::mv(out.write);
  theirs[2] = kj::mv(err.write);
}

schema::Process::Client serveExec(ExecPipes pipes, schema::ByteSink::Client output,
                                  schema::ByteSink::Client errors, kj::Promise<ExecExit> exited,
                                  kj::Function<kj::Promise<void>(int)> signal, kj::Timer& timer) {
  return kj::heap<ProcessServer>(kj::mv(pipes), kj::mv(output), kj::mv(errors), kj::mv(exited),
                                 kj::mv(signal), timer);
}

}  // namespace meridian::container
