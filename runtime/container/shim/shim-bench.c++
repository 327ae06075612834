// How long the shim takes from a launch request to its answer that the program has exec'd, beside which tests/bench/floor
// stands, and how many of several at once it starts in a second. `shim-bench [RUNS]`; prints text.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/container/shim/shim-harness.h"

namespace meridian::shim {
namespace {

using Clock = std::chrono::steady_clock;

double us(Clock::duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

void awaitExits(ShimClient& client, int count) {
  for (int exits = 0; exits < count;) {
    auto fact = client.nextFact();
    if (fact->get().isExited()) ++exits;
  }
}

void printMedian(const char* what, std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  printf("%s: %zu runs, min %.0f, median %.0f, max %.0f us\n", what, times.size(), times.front(), times[times.size() / 2],
         times.back());
}

void oneByOne(ShimHarness& harness, ShimClient& client, int runs) {
  std::vector<double> started, gone;
  for (int run = 0; run < runs; ++run) {
    uint64_t generation = run + 1;
    capnp::MallocMessageBuilder message;
    auto launch = message.initRoot<schema::Launch>();
    harness.fillLaunch(launch, "one", generation, {"exit", "0"});
    auto begin = Clock::now();
    auto answer = client.call([&](auto request) { request.setLaunch(launch); }, {harness.netns()});
    started.push_back(us(Clock::now() - begin));
    if (!answer->get().isLaunched()) throw std::runtime_error("the launch was refused");
    awaitExits(client, 1);
    gone.push_back(us(Clock::now() - begin));
  }
  printMedian("launch to exec'd", started);
  printMedian("launch to exit told", gone);
}

void allAtOnce(ShimHarness& harness, ShimClient& client, int runs) {
  std::vector<std::unique_ptr<capnp::MallocMessageBuilder>> launches;
  for (int run = 0; run < runs; ++run) {
    launches.push_back(std::make_unique<capnp::MallocMessageBuilder>());
    harness.fillLaunch(launches.back()->initRoot<schema::Launch>(), "many-" + std::to_string(run), 1, {"exit", "0"});
  }
  auto begin = Clock::now();
  for (auto& launch : launches) {
    client.send([&](auto request) { request.setLaunch(launch->getRoot<schema::Launch>().asReader()); }, {harness.netns()});
  }
  int launched = 0, exited = 0;
  while (exited < runs) {
    auto packet = client.receive();
    if (packet->get().isLaunched()) ++launched;
    if (packet->get().isExited()) ++exited;
    if (packet->get().isRefused()) throw std::runtime_error("a launch was refused");
  }
  double seconds = us(Clock::now() - begin) / 1e6;
  printf("%d at once, started and ended: %.0f a second\n", runs, runs / seconds);
}

}  // namespace
}  // namespace meridian::shim

int main(int argc, char** argv) try {
  int runs = argc > 1 ? atoi(argv[1]) : 1;
  meridian::shim::ShimHarness harness;
  meridian::shim::ShimClient client(harness.socketPath());
  meridian::shim::oneByOne(harness, client, runs);
  meridian::shim::allAtOnce(harness, client, runs);
  return 0;
} catch (const std::exception& error) {
  fprintf(stderr, "shim-bench: %s\n", error.what());
  return 1;
}
