// How long the shim takes from a launch request to its answer that the program has exec'd, beside tests/bench/floor, run by
// run in turn, so that both meet the same noise; and how many of several at once it starts in a second.
// `shim-bench [RUNS]`; FLOOR names the floor's program.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
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

// The median of three: the first of a fresh process also pays for its memory.
double floorUs(const ShimHarness& harness, int run) {
  auto scratch = harness.dir() + "/floor-" + std::to_string(run);
  std::filesystem::create_directory(scratch);
  auto command = std::string(getenv("FLOOR")) + " --json --runs 3 --netns /proc/" + std::to_string(getpid()) + "/fd/" +
                 std::to_string(harness.netns()) + " " + harness.dir() + "/image " + scratch + " /bin/probe exit 0";
  auto output = popen(command.c_str(), "re");
  long long ns = -1;
  if (output == nullptr || fscanf(output, "{\"runs\": 3, \"min_ns\": %*d, \"median_ns\": %lld", &ns) != 1 || pclose(output) != 0) {
    throw std::runtime_error("the floor failed: " + command);
  }
  return ns / 1e3;
}

void oneByOne(ShimHarness& harness, ShimClient& client, int runs) {
  std::vector<double> floor, started, gone;
  for (int run = 0; run < runs; ++run) {
    floor.push_back(floorUs(harness, run));
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
  printMedian("floor", floor);
  printMedian("launch to exec'd", started);
  printf("launch to exec'd / floor, of the medians: %.2f\n", started[started.size() / 2] / floor[floor.size() / 2]);
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
    auto fill = [&](auto request) { request.setLaunch(launch->getRoot<schema::Launch>().asReader()); };
    client.send(fill, {harness.netns()});
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
