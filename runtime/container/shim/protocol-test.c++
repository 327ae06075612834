// How the shim treats clients that are wrong, slow or of another kind, and how it is started. Needs root.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/container/shim/packet.h"
#include "runtime/container/shim/shim-harness.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace fs = std::filesystem;

namespace {

const bool ready = requireRootAndCgroups();

std::string refusedFor(FromShimPacket answer) {
  REQUIRE(answer->get().isRefused());
  CHECK(answer->get().getRefused().getCode() == schema::Refusal::Code::PROTOCOL);
  return answer->get().getRefused().getMessage();
}

auto nothing = [](schema::ToShim::Builder request) { request.setList(); };

struct Ended {
  int status;
  std::string error;
};

// Runs the shim's program until it or, with --daemon, its first process ends.
Ended runShim(const std::vector<std::string>& arguments) {
  int error[2];
  need(pipe2(error, O_CLOEXEC), "make a pipe");
  pid_t pid = need(fork(), "fork");
  if (pid == 0) {
    std::vector<const char*> argv{getenv("MERIDIAN_SHIM")};
    for (auto& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    dup2(error[1], 2);
    execv(argv[0], const_cast<char**>(argv.data()));
    _exit(127);
  }
  close(error[1]);
  kj::AutoCloseFd in(error[0]);
  std::string text;
  char buffer[1024];
  ssize_t size;
  while ((size = read(in, buffer, sizeof buffer)) > 0) text.append(buffer, size);
  int status;
  waitpid(pid, &status, 0);
  return {status, text};
}

}  // namespace

TEST_CASE("hello must come first and in a version the shim speaks") {
  ShimHarness harness;
  ShimClient client(harness.socketPath(), ShimClient::Greeting::NONE);
  CHECK(refusedFor(client.call(nothing)) == "hello must come first");
  CHECK(refusedFor(client.call([](auto request) { request.initHello().setProtocol(99); })) ==
        "protocol is 99; this shim speaks 1");
  auto hello = client.call([](auto request) { request.initHello().setProtocol(schema::SHIM_PROTOCOL_VERSION); });
  REQUIRE(hello->get().isHello());
  CHECK(hello->get().getHello().getPid() == harness.pid());
  CHECK(hello->get().getHello().getLastExit() == 0);
  CHECK(std::string(hello->get().getHello().getBootId()) + "\n" == readText("/proc/sys/kernel/random/boot_id"));
  CHECK(client.call(nothing)->get().isInstances());
}

TEST_CASE("a bad field is refused by name, and the client may go on") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto answer = harness.launch(client, "alice", 1, {"serve"}, [](auto launch) { launch.setCgroup("../up"); });
  CHECK(refusedFor(std::move(answer)) == "cgroup is \"../up\"; allowed are A-Z a-z 0-9 . _ - and no leading dot");
  auto fill = [&](auto request) { harness.fillLaunch(request.initLaunch(), "alice", 1, {"serve"}); };
  CHECK(refusedFor(client.call(fill)) == "the packet carries 0 descriptors; this request takes 1");
  CHECK(refusedFor(client.call(nothing, {0})) == "the packet carries 1 descriptors; this request takes 0");
  CHECK(client.call(nothing)->get().isInstances());
}

TEST_CASE("a packet that does not parse, or is too large, ends the connection and nothing else") {
  ShimHarness harness;
  {
    ShimClient client(harness.socketPath());
    harness.start(client, "alice", 1, {"serve"});
  }
  auto fails = [&](std::vector<kj::byte> bytes) {
    ShimClient client(harness.socketPath());
    client.sendBytes(kj::arrayPtr(bytes.data(), bytes.size()));
    auto answer = client.receive();
    CHECK(answer->get().getId() == 0);
    refusedFor(std::move(answer));
    CHECK(client.isClosed());
  };
  fails({1, 2, 3});
  fails(std::vector<kj::byte>(64, 0xff));
  fails(std::vector<kj::byte>(64, 0));
  fails(std::vector<kj::byte>(PACKET_MAX + 8, 0));
  ShimClient client(harness.socketPath());
  CHECK(client.call(nothing)->get().getInstances().size() == 1);
}

TEST_CASE("a client with too many descriptors is dropped, and they are closed") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto id = client.send(nothing, {0, 1, 2, 0, 1});
  CHECK(id > 0);
  CHECK(client.receive()->get().isRefused());
  CHECK(client.isClosed());
}

TEST_CASE("a client that does not read its answers is dropped") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  auto sendUntilDropped = [&]() {
    while (true) client.send(nothing);
  };
  CHECK_THROWS_AS(sendUntilDropped(), std::system_error);
  ShimClient next(harness.socketPath());
  CHECK(next.call(nothing)->get().getInstances().size() == 1);
}

TEST_CASE("answers that do not fit one packet come in several") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  for (uint64_t generation = 1; generation <= 20; ++generation) {
    harness.start(client, "alice", generation, {"exit", "0"}, [](auto launch) { launch.setTag(std::string(4000, 't')); });
    client.nextExit();
  }
  auto id = client.send([](auto request) { request.setExits(0); });
  std::vector<uint64_t> numbers;
  int packets = 0;
  bool more = true;
  while (more) {
    auto answer = client.answerTo(id);
    for (auto record : answer->get().getExits()) numbers.push_back(record.getNumber());
    more = answer->get().getMore();
    ++packets;
  }
  CHECK(packets > 1);
  REQUIRE(numbers.size() == 20);
  CHECK(numbers.back() == 20);
}

TEST_CASE("the socket is its owner's alone, and one folder has one shim") {
  ShimHarness harness;
  struct stat found;
  REQUIRE(stat(harness.socketPath().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  auto second = runShim({"--dir", harness.dir() + "/shim"});
  CHECK(second.status != 0);
  CHECK(second.error == "meridian-shim: another shim runs in " + harness.dir() + "/shim\n");
}

TEST_CASE("what is wrong with a start is one line") {
  CHECK(runShim({}).error == "usage: meridian-shim --dir DIR [--daemon]\n");
  CHECK(runShim({"--dir", "/no/folder"}).error == "meridian-shim: /no/folder: No such file or directory\n");
  ShimHarness harness;
  auto deep = harness.dir() + "/" + std::string(100, 'd');
  fs::create_directory(deep);
  for (auto& ended : {runShim({"--dir", deep}), runShim({"--dir", deep, "--daemon"})}) {
    CHECK(ended.status != 0);
    CHECK(ended.error.ends_with("/shim.sock has " + std::to_string(deep.size() + 10) + " bytes, allowed are 107\n"));
  }
}

namespace {

// A daemon is no child of the test: it goes by request.
struct ShutDown {
  std::string socketPath;

  ~ShutDown() {
    try {
      ShimClient(socketPath).call([](auto request) { request.setShutdown(); });
    } catch (const std::exception&) {
      // It has gone already.
    }
  }
};

}  // namespace

TEST_CASE("a daemon is ready when its starter returns, and has left the starter's session") {
  ShimHarness harness;
  ::kill(harness.pid(), SIGTERM);
  harness.waitShim();
  ShutDown atEnd{harness.socketPath()};
  auto started = runShim({"--dir", harness.dir() + "/shim", "--daemon"});
  REQUIRE(started.status == 0);
  ShimClient client(harness.socketPath());
  auto hello = client.call([](auto request) { request.initHello().setProtocol(schema::SHIM_PROTOCOL_VERSION); });
  pid_t pid = hello->get().getHello().getPid();
  CHECK(getsid(pid) != getsid(0));
  CHECK(getpgid(pid) != getpgid(0));
  harness.start(client, "alice", 1, {"serve"});
  CHECK(client.call([](auto request) { request.setShutdown(); })->get().isDone());
  CHECK(eventually([&]() { return ::kill(pid, 0) < 0; }));
}

}  // namespace meridian::shim
