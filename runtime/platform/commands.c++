#include "runtime/platform/commands.h"

#include <kj/async-unix.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <filesystem>

#include "runtime/cli/config-codec.h"
#include "runtime/cli/failure.h"
#include "runtime/cli/fleet-client.h"
#include "runtime/container/process-end.h"
#include "runtime/platform/capacity.h"
#include "runtime/platform/dev-printer.h"
#include "runtime/platform/embedded-platform.h"

namespace meridian::platform {

namespace {

// The shim lies beside this program.
std::string shimBinary() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "meridian-shim").string();
}

void captureSignals() {
  // Before any thread is started: threads inherit what is blocked.
  for (int signal : {SIGINT, SIGTERM}) kj::UnixEventPort::captureSignal(signal);
  ::signal(SIGPIPE, SIG_IGN);
}

kj::Promise<int> anySignal(kj::UnixEventPort& port) {
  auto number = [](siginfo_t&& info) { return info.si_signo; };
  return port.onSignal(SIGINT).then(number).exclusiveJoin(port.onSignal(SIGTERM).then(number));
}

void announce(const EmbeddedPlatform& platform) {
  printf("ready http://%s\n", platform.httpAddress().c_str());
  fflush(stdout);
}

enum class End { SIGNALLED, DOWN };

// Throws when a store has stopped for good.
End serveUntilEnded(EmbeddedPlatform& platform) {
  return anySignal(platform.io().unixEventPort)
      .then([](int) { return End::SIGNALLED; })
      .exclusiveJoin(platform.whenDown().then([]() { return End::DOWN; }))
      .exclusiveJoin(platform.whenBroken().then([]() { return End::DOWN; }))
      .wait(platform.io().waitScope);
}

uint64_t lastEvent(actor::Host& host) {
  uint64_t last = 0;
  for (;;) {
    auto entries = host.journal(last, 1000);
    if (entries.empty()) return last;
    last = entries.back().number;
  }
}

// Deploys the application of `dev`; answers why it was refused.
kj::Promise<kj::Maybe<kj::String>> deployForDev(EmbeddedPlatform& platform, const cli::ApplicationConfig& application) {
  auto request = platform.fleet().deployRequest();
  cli::write(application, cli::STOP_GRACE_DEV, request.initConfig());
  request.setForce(schema::Force::YES);   // The folder is this application's alone: a class that went away is gone.
  return request.send().then([](auto&& answer) -> kj::Maybe<kj::String> {
    auto outcome = answer.getOutcome();
    if (outcome.isRefused()) return kj::heapString(outcome.getRefused());
    return nullptr;
  });
}

// The first signal stops, a second one kills.
void stopInForeground(EmbeddedPlatform& platform) {
  printf("stopping; Ctrl-C again kills\n");
  fflush(stdout);
  auto second = anySignal(platform.io().unixEventPort).then([&platform](int) { return platform.killEverything(); });
  platform.stopEverything().exclusiveJoin(kj::mv(second)).wait(platform.io().waitScope);
}

kj::Maybe<kj::Own<cli::FleetClient>> runningFleet(const std::string& folder) {
  try {
    return kj::heap<cli::FleetClient>(std::vector<std::string>{folder});
  } catch (const cli::Failure&) {
    return nullptr;   // Nobody listens.
  }
}

}  // namespace

int Commands::dev(const cli::DevOptions& options) {
  captureSignals();
  StateFolder state(options.stateFolder.string(), "dev");
  EmbeddedPlatform platform(state, {"dev", shimBinary(), options.http, capacityOf(options.capacity, state.path())});
  auto& waitScope = platform.io().waitScope;
  platform.listen().wait(waitScope);
  platform.open().wait(waitScope);
  platform.serve().wait(waitScope);
  KJ_IF_MAYBE(refusal, deployForDev(platform, options.application).wait(waitScope)) {
    platform.stopEverything().wait(waitScope);
    throw cli::Failure(refusal->cStr());
  }
  DevPrinter printer(platform.fleet());
  printer.printRoutes(options.application, platform.httpAddress());
  printer.start(lastEvent(platform.serverHost())).wait(waitScope);
  announce(platform);
  if (serveUntilEnded(platform) == End::SIGNALLED) stopInForeground(platform);
  return 0;
}

int Commands::up(const cli::UpOptions& options) {
  captureSignals();
  StateFolder state(options.stateFolder.string(), "up");
  EmbeddedPlatform platform(state, {"up", shimBinary(), options.http, capacityOf(options.capacity, state.path())});
  auto& waitScope = platform.io().waitScope;
  platform.listen().wait(waitScope);
  platform.open().wait(waitScope);
  platform.serve().wait(waitScope);
  announce(platform);
  if (serveUntilEnded(platform) == End::SIGNALLED) platform.leaveRunning().wait(waitScope);
  return 0;
}

int Commands::down(const cli::DownOptions& options) {
  captureSignals();
  auto folder = options.stateFolder.string();
  if (!std::filesystem::exists(options.stateFolder / "lock")) {
    throw cli::Failure("state folder " + folder + " has no platform; allowed is a folder that `meridian up` or `dev` has used");
  }
  KJ_IF_MAYBE(client, runningFleet(folder)) {
    // Not just until it answers: after `down` the state folder is free for the next platform.
    auto ended = container::whenProcessEnds((*client)->io().unixEventPort, (*client)->platformProcess());
    (*client)->fleet().downRequest().send().wait((*client)->waitScope());
    ended.wait((*client)->waitScope());
    return 0;
  }
  // No platform runs, but its instances may: they are taken over to be stopped.
  StateFolder state(folder, "down");
  EmbeddedPlatform platform(state, {"down", shimBinary(), {}, capacityOf({}, state.path())});
  platform.open().wait(platform.io().waitScope);
  platform.stopEverything().wait(platform.io().waitScope);
  return 0;
}

}  // namespace meridian::platform
