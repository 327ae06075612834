// From launch to exit, with the shim's client coming and going. Real shim, real kernel: needs root.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "runtime/container/shim/shim-harness.h"

namespace meridian::shim {

namespace fs = std::filesystem;

namespace {

const bool ready = requireRootAndCgroups();

using Code = schema::Refusal::Code;
using Launch = schema::Launch::Builder;

Code refusal(FromShimPacket& answer) {
  REQUIRE(answer->get().isRefused());
  return answer->get().getRefused().getCode();
}

std::string message(FromShimPacket& answer) { return answer->get().getRefused().getMessage(); }

FromShimPacket signal(ShimClient& client, const std::string& id, int number) {
  return client.call([&](auto request) {
    auto signal = request.initSignal();
    fillKey(signal.getTarget().initInstance(), id, 1);
    signal.setNumber(number);
  });
}

FromShimPacket kill(ShimClient& client, const std::string& id, uint64_t generation = 1) {
  return client.call([&](auto request) { fillKey(request.initKill(), id, generation); });
}

std::vector<std::string> list(ShimClient& client) {
  auto answer = client.call([](auto request) { request.setList(); });
  std::vector<std::string> ids;
  for (auto instance : answer->get().getInstances()) ids.push_back(instance.getKey().getContainer().getId());
  return ids;
}

std::vector<uint64_t> exits(ShimClient& client, uint64_t since) {
  auto answer = client.call([&](auto request) { request.setExits(since); });
  std::vector<uint64_t> numbers;
  for (auto record : answer->get().getExits()) numbers.push_back(record.getNumber());
  return numbers;
}

}  // namespace

TEST_CASE("an exit is told with its code, its tag and a number that grows") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  for (int code : {0, 42, 255}) {
    harness.start(client, "alice", code + 1, {"exit", std::to_string(code)});
    auto exit = client.nextExit();
    CHECK(exit.key.generation == Generation(code + 1));
    CHECK(exit.ending == Ending{.code = code});
    CHECK(exit.tag == "tag of alice");
    CHECK_FALSE(exit.killed);
  }
  CHECK(exits(client, 0) == std::vector<uint64_t>{1, 2, 3});
  CHECK(exits(client, 2) == std::vector<uint64_t>{3});
  client.call([](auto request) { request.setAcknowledge(2); });
  CHECK(exits(client, 0) == std::vector<uint64_t>{3});
}

TEST_CASE("output written just before the end is not lost") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"fill"});
  auto exit = client.nextExit();
  CHECK(exit.ending == Ending{.signal = SIGKILL});
  CHECK_FALSE(exit.killed);
  auto logged = harness.logged("alice");
  REQUIRE(logged.size() == 5);  // 60 KiB in entries of 16 KiB, then the last line
  CHECK(logged[3].size() == 2 + 12 * 1024);
  CHECK(logged[4] == "o the end");
}

TEST_CASE("signals reach the program, its answer to SIGTERM is its exit") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  REQUIRE(harness.awaitLogged("alice", "o up"));
  CHECK(signal(client, "alice", SIGUSR1)->get().isDone());
  CHECK(harness.awaitLogged("alice", "o signal 10"));
  CHECK(signal(client, "alice", SIGTERM)->get().isDone());
  CHECK(client.nextExit().ending == Ending{.code = 7});
  auto late = signal(client, "alice", SIGTERM);
  CHECK(refusal(late) == Code::NOT_FOUND);
}

TEST_CASE("a program that handles no signal dies of SIGTERM, although it has an init above it") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"spin"});
  signal(client, "alice", SIGTERM);
  CHECK(client.nextExit().ending == Ending{.signal = SIGTERM});
}

TEST_CASE("a kill ends all of an instance and is said in its exit") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto pid = harness.start(client, "alice", 1, {"serve"});
  CHECK(kill(client, "alice")->get().isDone());
  auto exit = client.nextExit();
  CHECK(exit.ending == Ending{.signal = SIGKILL});
  CHECK(exit.killed);
  CHECK(::kill(pid, 0) < 0);
  for (auto controller : {"memory", "cpu", "pids"}) CHECK_FALSE(fs::exists(harness.cgroupFolder(controller, "alice", 1)));
  auto again = kill(client, "alice");
  CHECK(refusal(again) == Code::NOT_FOUND);
}

TEST_CASE("orphans are reaped") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"orphan"});
  CHECK(client.nextExit().ending == Ending{.code = 0});
  CHECK(harness.logged("alice") == std::vector<std::string>{"o reaped"});
}

TEST_CASE("a launch that is repeated while it lives is answered again, and starts nothing") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto pid = harness.start(client, "alice", 3, {"serve"});
  CHECK(harness.start(client, "alice", 3, {"serve"}) == pid);
  CHECK(list(client) == std::vector<std::string>{"alice"});

  // Also while it starts: both requests are on their way before the first can be answered.
  auto fill = [&](auto request) { harness.fillLaunch(request.initLaunch(), "bob", 1, {"serve"}); };
  auto first = client.send(fill, {harness.netns()});
  auto second = client.send(fill, {harness.netns()});
  auto firstPid = client.answerTo(first)->get().getLaunched().getPid();
  CHECK(client.answerTo(second)->get().getLaunched().getPid() == firstPid);
}

TEST_CASE("a generation that is not above the last is refused, and a newer one waits for the end of the old") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 3, {"serve"});
  auto older = harness.launch(client, "alice", 2, {"serve"});
  CHECK(refusal(older) == Code::STALE);
  auto newer = harness.launch(client, "alice", 4, {"serve"});
  CHECK(refusal(newer) == Code::SETUP_FAILED);
  CHECK(message(newer) == "generation 3 still lives");
  kill(client, "alice", 3);
  client.nextExit();
  for (uint64_t generation : {1, 3}) {
    auto late = harness.launch(client, "alice", generation, {"serve"});
    CHECK(refusal(late) == Code::STALE);
  }
  harness.start(client, "alice", 4, {"serve"});
}

TEST_CASE("a failed launch says which step, leaves nothing, and does not use up its generation") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto noProgram = harness.launch(client, "alice", 1, {"serve"}, [](Launch launch) { launch.getArgv().set(0, "/nothing"); });
  CHECK(refusal(noProgram) == Code::EXEC_FAILED);
  CHECK(message(noProgram) == "/nothing: No such file or directory");
  auto noLayer = harness.launch(client, "alice", 1, {"serve"}, [](Launch launch) { launch.getLayers().set(0, "/no/image"); });
  CHECK(refusal(noLayer) == Code::SETUP_FAILED);
  CHECK(message(noLayer) == "/no/image: No such file or directory");

  CHECK(list(client).empty());
  CHECK(exits(client, 0).empty());
  CHECK_FALSE(fs::exists(harness.cgroupFolder("pids", "alice", 1)));
  harness.start(client, "alice", 1, {"exit", "0"});
}

TEST_CASE("a cgroup name that is taken fails the launch and spares the owner") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  auto taken = harness.launch(client, "bob", 1, {"serve"},
                              [&](Launch launch) { launch.setCgroup(harness.cgroupOf("alice", 1)); });
  CHECK(refusal(taken) == Code::SETUP_FAILED);
  CHECK(list(client) == std::vector<std::string>{"alice"});
  CHECK(fs::exists(harness.cgroupFolder("pids", "alice", 1)));
}

TEST_CASE("logs rotate at their limit and keep the newest") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  constexpr uint64_t LIMIT = 20'000;
  harness.start(client, "alice", 1, {"lines", "2000"}, [](Launch launch) { launch.setLogBytesMax(LIMIT); });
  client.nextExit();
  CHECK(fs::file_size(harness.logDir("alice") + "/log") <= LIMIT);
  CHECK(fs::file_size(harness.logDir("alice") + "/log.1") <= LIMIT);
  auto logged = harness.logged("alice");
  CHECK(logged.size() > 150);
  for (auto line : {"o last without newline", "o line 1999 of some length to fill the log", "e error one", "e error two"}) {
    INFO(line);
    CHECK(std::find(logged.begin(), logged.end(), line) != logged.end());
  }
}

TEST_CASE("instances outlive their client, and the next one finds them and what happened in between") {
  ShimHarness harness;
  pid_t alice;
  {
    ShimClient client(harness.socketPath());
    alice = harness.start(client, "alice", 1, {"serve"});
    harness.start(client, "bob", 1, {"serve"});
    REQUIRE(harness.awaitLogged("bob", "o up"));
    signal(client, "bob", SIGTERM);
  }
  CHECK(harness.awaitLogged("bob", "o signal 15"));
  ShimClient next(harness.socketPath());
  REQUIRE(eventually([&]() { return exits(next, 0) == std::vector<uint64_t>{1}; }));
  CHECK(list(next) == std::vector<std::string>{"alice"});
  CHECK(harness.start(next, "alice", 1, {"serve"}) == alice);
}

TEST_CASE("a new client takes over from one that is still there, which hears no more") {
  ShimHarness harness;
  ShimClient old(harness.socketPath());
  harness.start(old, "alice", 1, {"serve"});
  ShimClient next(harness.socketPath());
  CHECK(old.isClosed());
  kill(next, "alice");
  CHECK(next.nextExit().killed);
}

TEST_CASE("when the shim is killed its instances die with it, and the next one counts on") {
  ShimHarness harness;
  pid_t alice;
  {
    ShimClient client(harness.socketPath());
    harness.start(client, "bob", 7, {"exit", "0"});
    client.nextExit();
    alice = harness.start(client, "alice", 1, {"serve"});
  }
  harness.killShim();
  CHECK(eventually([&]() { return ::kill(alice, 0) < 0; }));
  harness.startShim();
  ShimClient client(harness.socketPath());
  CHECK(list(client).empty());
  CHECK_FALSE(fs::exists(harness.cgroupFolder("pids", "alice", 1)));
  CHECK(exits(client, 0) == std::vector<uint64_t>{1});
  auto late = harness.launch(client, "bob", 7, {"serve"});
  CHECK(refusal(late) == Code::STALE);
  harness.start(client, "bob", 8, {"exit", "3"});
  CHECK(client.nextExit().number == 2);
}

TEST_CASE("a shutdown leaves nothing behind but the exits") {
  ShimHarness harness;
  SECTION("by request") {
    ShimClient client(harness.socketPath());
    harness.start(client, "alice", 1, {"serve"});
    harness.start(client, "bob", 1, {"spin"});
    auto answer = client.call([](auto request) { request.setShutdown(); });
    CHECK(answer->get().isDone());
    CHECK(client.nextExit().killed);
    CHECK(client.nextExit().killed);
  }
  SECTION("by SIGTERM") {
    ShimClient client(harness.socketPath());
    harness.start(client, "alice", 1, {"serve"});
    ::kill(harness.pid(), SIGTERM);
    CHECK(client.nextExit().killed);
  }
  CHECK(harness.waitShim() == 0);
  CHECK(harness.cgroupsLeft().empty());
  CHECK(readText("/proc/self/mountinfo").find(harness.dir()) == std::string::npos);
  CHECK_FALSE(fs::exists(harness.socketPath()));
  harness.startShim();
  ShimClient client(harness.socketPath());
  CHECK(!exits(client, 0).empty());
}

TEST_CASE("once an exit is told the instance's disk is free: its file system and loop device go with its mount") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto file = harness.dir() + "/disk.img";
  auto disk = harness.dir() + "/disks/" + harness.cgroupOf("alice", 1);
  fs::create_directories(disk);
  auto run = [](const std::string& command) { return system((command + " > /dev/null 2>&1").c_str()); };
  REQUIRE(run("truncate -s 16M " + file + " && mkfs.ext4 -q -F -O ^has_journal " + file) == 0);
  for (int round = 0; round < 10; ++round) {
    REQUIRE(run("mount -o loop " + file + " " + disk) == 0);
    harness.start(client, "alice", round + 1, {"look"}, [&](Launch launch) {
      fs::create_directories(disk + "/upper");
      fs::create_directories(disk + "/work");
      launch.setWritable(disk);
    });
    client.nextExit();
    CHECK(umount2(disk.c_str(), 0) == 0);
    // At once, but for others on this machine who copy its mounts just now.
    CHECK(eventually([&]() {
      return std::none_of(fs::directory_iterator("/sys/block"), fs::directory_iterator(), [&](auto& device) {
        return readText(device.path() / "loop/backing_file") == file + "\n";
      });
    }));
  }
}

TEST_CASE("start and end leave no descriptor, process or cgroup in the shim") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto descriptors = [&]() {
    return std::distance(fs::directory_iterator("/proc/" + std::to_string(harness.pid()) + "/fd"), fs::directory_iterator());
  };
  auto before = descriptors();
  for (uint64_t generation = 1; generation <= 10; ++generation) {
    harness.start(client, "alice", generation, {"exit", "0"});
    client.nextExit();
  }
  CHECK(eventually([&]() { return descriptors() == before; }));  // told first, then closed
  auto pid = std::to_string(harness.pid());
  CHECK(readText("/proc/" + pid + "/task/" + pid + "/children").empty());
}

}  // namespace meridian::shim
