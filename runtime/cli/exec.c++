#include <csignal>
#include <kj/async-unix.h>
#include <unistd.h>

#include "runtime/cli/failure.h"
#include "runtime/cli/fleet-client.h"
#include "runtime/cli/input.h"
#include "runtime/cli/output.h"
#include "runtime/cli/verbs.h"

namespace meridian::cli {

namespace {

class StreamPrinter final: public schema::ByteSink::Server {
 public:
  explicit StreamPrinter(OutputStream& output): output_(output) {}

  kj::Promise<void> write(WriteContext context) override {
    auto bytes = context.getParams().getBytes().asChars();
    output_.write({bytes.begin(), bytes.size()});
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext context) override {
    output_.end();
    return kj::READY_NOW;
  }

 private:
  OutputStream& output_;
};

// Passes the signal on to the command, each time it comes; this process ends when the command does. Resolves when the
// signal comes again before the platform has taken the one before: the platform hangs, the user wants to leave.
kj::Promise<void> passOn(kj::UnixEventPort& port, int signal, schema::Process::Client process) {
  return port.onSignal(signal).then([&port, signal, process](siginfo_t&&) mutable {
    auto request = process.signalRequest();
    request.setNumber(signal);
    auto taken = request.send().ignoreResult()
                     .catch_([](kj::Exception&&) {})  // the command has ended
                     .then([]() { return true; });
    auto again = port.onSignal(signal).then([](siginfo_t&&) { return false; });
    return taken.exclusiveJoin(kj::mv(again))
        .then([&port, signal, process](bool wasTaken) mutable -> kj::Promise<void> {
          if (!wasTaken) return kj::READY_NOW;
          return passOn(port, signal, kj::mv(process));
        });
  });
}

int statusOf(schema::Process::WaitResults::Reader exit) {
  return exit.getSignal() < 0 ? exit.getCode() : STATUS_SIGNALLED + exit.getSignal();
}

// The command has ended and all it wrote has come.
kj::Promise<int> end(schema::Process::Client process, OutputStream& out, OutputStream& err) {
  auto streams = kj::heapArrayBuilder<kj::Promise<void>>(2);
  streams.add(out.ended());
  streams.add(err.ended());
  return process.waitRequest().send().then(
      [streams = kj::joinPromises(streams.finish())](auto&& exit) mutable {
        return streams.then([status = statusOf(exit)]() { return status; });
      });
}

}  // namespace

int exec(FleetClient& client, const ContainerId& id, const std::vector<std::string>& command) {
  // Before pumpInput starts a thread that they could go to.
  kj::UnixEventPort::captureSignal(SIGINT);
  kj::UnixEventPort::captureSignal(SIGTERM);

  OutputStream out(STDOUT_FILENO);
  OutputStream err(STDERR_FILENO);
  auto call = client.container(id).execRequest();
  auto request = call.initRequest();
  auto argv = request.initArgv(command.size());
  for (size_t i = 0; i < command.size(); ++i) argv.set(i, command[i]);
  request.setStdout(kj::heap<StreamPrinter>(out));
  request.setStderr(kj::heap<StreamPrinter>(err));
  auto process = call.send().getProcess();

  auto& io = client.io();
  auto ignore = [](kj::Exception&&) {};  // a command that reads no input, or has gone, is no error
  auto input = pumpInput(*io.lowLevelProvider, STDIN_FILENO,
                         process.stdinRequest().send().getSink()).eagerlyEvaluate(ignore);

  auto failed = []() { return STATUS_EXEC_FAILED; };  // and finish() throws, or lost() has
  int status =
      end(process, out, err)
          .exclusiveJoin(passOn(io.unixEventPort, SIGINT, process).then([]() {
            return STATUS_SIGNALLED + SIGINT;
          }))
          .exclusiveJoin(passOn(io.unixEventPort, SIGTERM, process).then([]() {
            return STATUS_SIGNALLED + SIGTERM;
          }))
          .exclusiveJoin(out.failed().then(failed))
          .exclusiveJoin(err.failed().then(failed))
          .exclusiveJoin(client.lost().then(failed))
          .wait(client.waitScope());
  out.finish();
  err.finish();
  return status;
}

}  // namespace meridian::cli
