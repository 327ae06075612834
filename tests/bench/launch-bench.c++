// From the agent's durable commit to execve of PID 1: the shipped Machine actor, store, driver and shim, in a state folder of
// their own, beside a floor that takes the identical isolation steps as one straight C program. The two take turns, and start
// the same program, which is killed once it runs. Needs root.
//
//     launch-bench --rootfs DIR --shim FILE --floor FILE [--runs N] [--json]
//
// The commit's end is stamped on the committing thread, before anybody is told of it; the exec's time is the shim's, taken
// when it hears of the exec.
#include <kj/debug.h>
#include <stdio.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/actor/shard-thread.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/container/native-driver.h"
#include "runtime/container/root-test.h"
#include "runtime/platform/agent-role.h"
#include "runtime/platform/server-role.h"
#include "runtime/rpc/lasting-reference.h"
#include "runtime/store/lmdb-store.h"
#include "schema/machine.capnp.h"

namespace meridian::bench {
namespace {

constexpr const char* MACHINE = "machine-1";
constexpr const char* LOCATION = "local";
constexpr auto QUIET = 200 * kj::MILLISECONDS;   // after each start: what it left is removed, the pools are filled again
constexpr const char* PROGRAM = "/server";
constexpr const char* PORT = "8080";   // where it listens, which tells the floor that it may be killed

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

Instant wallClock() { return Instant(std::chrono::system_clock::now().time_since_epoch()); }

struct Options {
  std::string rootfs, shim, floor;
  size_t runs = 50;
  bool json = false;
};

class OneImage final: public env::Images {
 public:
  explicit OneImage(std::string rootfs): rootfs_(std::move(rootfs)) {}
  std::optional<env::Image> find(const std::string&) override {
    return env::Image{.layers = {rootfs_}, .entrypoint = {PROGRAM}};
  }

 private:
  std::string rootfs_;
};

// Keeps when the last commit became durable.
class CommitStamp final: public env::StoreListener {
 public:
  explicit CommitStamp(env::Store& store): store_(store) { store_.addListener(*this); }
  ~CommitStamp() { store_.removeListener(*this); }

  void storeMoved() override { last_ = toNs(wallClock()); }
  Instant last() const { return instantFromNs(last_); }

 private:
  env::Store& store_;
  std::atomic<int64_t> last_{0};
};

// Hands the driver's facts on to the Machine actor.
class Facts final: public schema::Machine::Server {
 public:
  Facts(schema::Machine::Client machine, const CommitStamp& commits): machine_(kj::mv(machine)), commits_(commits) {}

  kj::Promise<void> driverStarted(DriverStartedContext context) override {
    // No commit comes in between: the Machine has told nobody of anything.
    took.push_back(milliseconds(instantFromNs(context.getParams().getStartedAtNs()) - commits_.last()));
    return context.tailCall(relay(machine_.driverStartedRequest(), context.getParams()));
  }
  kj::Promise<void> driverReady(DriverReadyContext context) override {
    return context.tailCall(relay(machine_.driverReadyRequest(), context.getParams()));
  }
  kj::Promise<void> driverExited(DriverExitedContext context) override {
    exits++;
    return context.tailCall(relay(machine_.driverExitedRequest(), context.getParams()));
  }

  std::vector<double> took;
  size_t exits = 0;

 private:
  template <typename Request, typename Params>
  static Request relay(Request&& request, Params params) {
    request.setKey(params.getKey());
    if constexpr (requires { request.setStartedAtNs(params.getStartedAtNs()); }) request.setStartedAtNs(params.getStartedAtNs());
    if constexpr (requires { request.setHost(params.getHost()); }) request.setHost(params.getHost());
    if constexpr (requires { request.setExit(params.getExit()); }) request.setExit(params.getExit());
    return kj::mv(request);
  }

  schema::Machine::Client machine_;
  const CommitStamp& commits_;
};

class Agent {
 public:
  explicit Agent(const Options& options)
      : loop_(system_), images_(options.rootfs),
        driver_(*loop_.io().lowLevelProvider, loop_.io().unixEventPort, images_,
                {.stateFolder = state_.path(), .shimBinary = options.shim}),
        driverVat_(loop_.shard()), serverStore_(store::openLmdbStore(state_.path() + "/server")),
        agentStore_(store::openLmdbStore(state_.path() + "/agent")), commits_(*agentStore_),
        server_(loop_.shard(), *serverStore_, loop_.clock(), Random(1),
                {.agent = [this](kj::StringPtr) { return server_.vat().dial(agent_.vat(), rpc::Stores::APART); },
                 .gateway = [](kj::StringPtr) -> kj::Own<rpc::Wire> { KJ_UNIMPLEMENTED("there is no gateway"); }}),
        agent_(loop_.shard(), *agentStore_, loop_.clock(), Random(2),
               {MachineId(MACHINE), LocationId(LOCATION), {MicroCpu(1'000'000), MemoryMib(1024), DiskMb(10'000)}},
               {.server = [this] { return agent_.vat().dial(server_.vat(), rpc::Stores::APART); },
                .driver = [this] { return agent_.vat().dial(driverVat_, rpc::Stores::APART); }}),
        driverToAgent_(driverVat_, loop_.clock(), [this] { return driverVat_.dial(agent_.vat(), rpc::Stores::APART); }) {
    driverVat_.offer("driver", driver_.client());
    auto facts = kj::heap<Facts>(machine(), commits_);
    facts_ = facts.get();
    wait(driver_.open());
    driver_.setMachine(kj::mv(facts));
    wait(agent_.join());
  }
  ~Agent() noexcept(false) { wait(driver_.shutdown()); }

  // Milliseconds from commit to exec.
  double start(uint64_t generation) {
    auto request = machine().startRequest();
    InstanceKey key{{ClassName("Bench"), "one"}, Generation(generation)};
    actor::write(request.initKey(), key);
    request.setLocation(LOCATION);
    auto spec = request.initSpec();
    spec.setImageId("image");
    spec.setStartTimeoutMs(10'000);
    auto resources = spec.initResources();
    resources.setCpuMicro(1'000'000);
    resources.setMemoryMib(256);
    resources.setDiskMb(64);
    auto outcome = wait(request.send());
    KJ_REQUIRE(outcome.getOutcome().isAccepted(), "the machine refused", outcome);
    while (facts_->took.size() + facts_->exits < 2 * generation - 1) pause(1 * kj::MILLISECONDS);
    KJ_REQUIRE(facts_->took.size() == generation, "the program was not started");
    auto kill = machine().killRequest();
    actor::write(kill.initKey(), key);
    wait(kill.send());
    while (facts_->exits < generation) pause(1 * kj::MILLISECONDS);
    pause(QUIET);
    return facts_->took.back();
  }

  const std::string& folder() const { return state_.path(); }

 private:
  schema::Machine::Client machine() {
    return rpc::newLastingReference([this] { return driverToAgent_.actor("Machine", MACHINE); }).castAs<schema::Machine>();
  }

  void pause(kj::Duration duration) { wait(loop_.io().provider->getTimer().afterDelay(duration)); }

  template <typename T>
  T wait(kj::Promise<T> promise) {
    return promise.wait(loop_.io().waitScope);
  }
  template <typename T>
  capnp::Response<T> wait(capnp::RemotePromise<T> promise) {
    return promise.wait(loop_.io().waitScope);
  }

  container::TemporaryState state_;
  actor::ActorSystem system_;
  actor::ShardLoop loop_;
  OneImage images_;
  container::NativeDriver driver_;
  rpc::Vat driverVat_;
  kj::Own<env::Store> serverStore_, agentStore_;
  CommitStamp commits_;
  platform::ServerRole server_;
  platform::AgentRole agent_;
  rpc::Peer driverToAgent_;
  Facts* facts_ = nullptr;   // the driver owns it
};

// Milliseconds from the floor's first step to exec; the median of three, since the first run of a process is slower.
double runFloor(const Options& options, const std::string& scratch) {
  std::filesystem::create_directory(scratch);
  auto command = options.floor + " --json --runs 3 --port " + PORT + " " + options.rootfs + " " + scratch + " " + PROGRAM;
  FILE* output = popen(command.c_str(), "re");
  KJ_REQUIRE(output != nullptr, "the floor cannot be run");
  char text[1024];
  size_t size = fread(text, 1, sizeof text, output);
  KJ_REQUIRE(pclose(output) == 0, "the floor has failed");
  auto result = nlohmann::json::parse(std::string(text, size));
  return result["median_ns"].get<double>() / 1e6;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void run(const Options& options) {
  std::vector<double> ours, floor, ratios;
  {
    Agent agent(options);
    agent.start(1);   // makes the template of the disks and fills the pools
    for (size_t run = 0; run < options.runs; ++run) {
      floor.push_back(runFloor(options, agent.folder() + "/floor"));
      ours.push_back(agent.start(run + 2));
      ratios.push_back(ours.back() / floor.back());
    }
  }
  double ratio = median(ours) / median(floor);
  if (options.json) {
    nlohmann::json json{{"runs", options.runs},          {"commit_to_exec_ms", median(ours)}, {"floor_ms", median(floor)},
                        {"ratio", ratio},                {"median_of_ratios", median(ratios)}, {"aim_ratio", 1.5}};
    printf("%s\n", json.dump(2).c_str());
  } else {
    printf("from the agent's durable commit to exec: median %.2f ms; floor %.2f ms; ratio %.2f, median of the pairs' ratios %.2f "
           "(aim: at most 1.5; %zu runs)\n",
           median(ours), median(floor), ratio, median(ratios), options.runs);
  }
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  using namespace meridian;
  CLI::App app("From the agent's durable commit to execve of PID 1, beside a floor.");
  bench::Options options;
  app.add_option("--rootfs", options.rootfs, "the image's folder")->required();
  app.add_option("--shim", options.shim, "the shim's program")->required();
  app.add_option("--floor", options.floor, "the floor's program")->required();
  app.add_option("--runs", options.runs, "starts of each kind")->check(CLI::Range(1, 100'000));
  app.add_flag("--json", options.json, "an object instead of a line");
  CLI11_PARSE(app, argc, argv);
  container::requireRoot();
  try {
    bench::run(options);
  } catch (const kj::Exception& error) {
    fprintf(stderr, "launch-bench: %s\n", kj::str(error).cStr());
    return 1;
  }
}
