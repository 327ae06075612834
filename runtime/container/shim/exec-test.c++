// Programs started beside an instance's own. Real shim, real kernel: needs root.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/container/shim/shim-harness.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

const bool ready = requireRootAndCgroups();

using Code = schema::Refusal::Code;

struct Pipe {
  kj::AutoCloseFd read;
  kj::AutoCloseFd write;

  Pipe() {
    int fds[2];
    need(pipe2(fds, O_CLOEXEC), "make a pipe");
    read = kj::AutoCloseFd(fds[0]);
    write = kj::AutoCloseFd(fds[1]);
  }
};

// A running exec, seen from its client.
struct Execution {
  Pipe in, out, err;
  FromShimPacket answer;

  Execution(ShimClient& client, const std::string& id, const std::vector<std::string>& argv) {
    auto fill = [&](schema::ToShim::Builder request) {
      auto exec = request.initExec();
      fillKey(exec.initKey(), id, 1);
      auto words = exec.initArgv(argv.size());
      for (size_t i = 0; i < argv.size(); ++i) words.set(i, argv[i]);
    };
    answer = client.call(fill, {in.read, out.write, err.write});
    in.read = nullptr;
    out.write = nullptr;
    err.write = nullptr;
  }

  uint64_t number() { return answer->get().getExecStarted().getExec(); }
};

std::string readToEnd(kj::AutoCloseFd& fd) {
  std::string text;
  char buffer[4096];
  ssize_t size;
  while ((size = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, size);
  return text;
}

Ending endingOf(ShimClient& client, uint64_t exec) {
  auto fact = client.nextFact();
  REQUIRE(fact->get().isExecExited());
  auto exited = fact->get().getExecExited();
  CHECK(exited.getExec() == exec);
  if (exited.getSignal() >= 0) return {.signal = exited.getSignal()};
  return {.code = exited.getCode()};
}

}  // namespace

TEST_CASE("an exec has separate streams and its exit code is told") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  Execution exec(client, "alice", {"/bin/probe", "cat", "5"});
  REQUIRE(exec.answer->get().isExecStarted());
  REQUIRE(write(exec.in.write, "hello", 5) == 5);
  exec.in.write = nullptr;
  CHECK(readToEnd(exec.out.read) == "hello");
  CHECK(readToEnd(exec.err.read) == "cat ended\n");
  CHECK(endingOf(client, exec.number()) == Ending{.code = 5});
}

TEST_CASE("an exec runs in the container, as its user, with its limits and nothing more") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"}, [](auto launch) {
    launch.setUid(1000);
    launch.setGid(1000);
  });
  REQUIRE(harness.awaitLogged("alice", "o up"));
  Execution exec(client, "alice", {"probe", "look"});
  exec.in.write = nullptr;
  auto out = readToEnd(exec.out.read);
  auto err = readToEnd(exec.err.read);
  CHECK(endingOf(client, exec.number()) == Ending{.code = 0});
  for (auto line : {"\nhostname alice\n", "\nUid 1000 1000 1000 1000\n", "\nCapEff 0000000000000000\n", "\nNoNewPrivs 1\n",
                    "\nCapBnd 00000000a80425fb\n", "\nfds 0 1 2 \n", " thread-self 1 2 ", "\nnetwork lo \n", "\ncwd /\n",
                    "\nSigBlk 0000000000000000\n", "reopened /dev/stdout\n"}) {
    INFO(line << " in " << out);
    CHECK(out.find(line) != std::string::npos);
  }
  CHECK(out.find("meridian") == std::string::npos);
  CHECK(err == "reopened /dev/stderr\n");
}

TEST_CASE("an exec counts against the limits of its instance") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"}, [](auto launch) { launch.setPidsMax(10); });
  Execution exec(client, "alice", {"/bin/probe", "fork-until-refused"});
  CHECK(endingOf(client, exec.number()) == Ending{.code = 0});
  client.call([](auto request) { fillKey(request.initKill(), "alice", 1); });  // the children hold the stream open
  CHECK(readToEnd(exec.out.read) == "children 8 Resource temporarily unavailable\n");
}

TEST_CASE("an exec takes signals") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  Execution exec(client, "alice", {"/bin/probe", "spin"});
  auto signal = [&](int number) {
    return client.call([&](auto request) {
      auto signal = request.initSignal();
      signal.getTarget().setExec(exec.number());
      signal.setNumber(number);
    });
  };
  CHECK(signal(SIGTERM)->get().isDone());
  CHECK(endingOf(client, exec.number()) == Ending{.signal = SIGTERM});
  auto late = signal(SIGTERM);
  REQUIRE(late->get().isRefused());
  CHECK(late->get().getRefused().getCode() == Code::NOT_FOUND);
}

TEST_CASE("an exec of what is not there, or where nothing runs, is refused") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  Execution noProgram(client, "alice", {"nothing"});
  REQUIRE(noProgram.answer->get().isRefused());
  CHECK(noProgram.answer->get().getRefused().getCode() == Code::EXEC_FAILED);
  CHECK(std::string(noProgram.answer->get().getRefused().getMessage()) == "nothing: No such file or directory");
  Execution noInstance(client, "bob", {"/bin/probe"});
  REQUIRE(noInstance.answer->get().isRefused());
  CHECK(noInstance.answer->get().getRefused().getCode() == Code::NOT_FOUND);
}

TEST_CASE("an exec dies with its instance, and is told first") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"serve"});
  Execution exec(client, "alice", {"/bin/probe", "serve"});
  client.call([](auto request) { fillKey(request.initKill(), "alice", 1); });
  CHECK(endingOf(client, exec.number()) == Ending{.signal = SIGKILL});
  CHECK(client.nextExit().killed);
}

TEST_CASE("an exec that races with the end of its instance is answered, and nothing is left") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  for (uint64_t round = 1; round <= 20; ++round) {
    auto id = "alice-" + std::to_string(round);
    harness.start(client, id, 1, {"serve"});
    Pipe in, out, err;
    auto exec = client.send(
        [&](auto request) {
          auto exec = request.initExec();
          fillKey(exec.initKey(), id, 1);
          exec.initArgv(2).set(0, "/bin/probe");
          exec.getArgv().set(1, "serve");
        },
        {in.read, out.write, err.write});
    auto kill = client.send([&](auto request) { fillKey(request.initKill(), id, 1); });
    bool answered = false, killed = false, exited = false;
    while (!answered || !killed || !exited) {
      auto packet = client.receive();
      auto told = packet->get();
      answered = answered || told.getId() == exec;
      killed = killed || told.getId() == kill;
      exited = exited || told.isExited();
    }
  }
  CHECK(client.call([](auto request) { request.setList(); })->get().getInstances().size() == 0);
  auto pid = std::to_string(harness.pid());
  CHECK(eventually([&]() { return readText("/proc/" + pid + "/task/" + pid + "/children").empty(); }));
}

}  // namespace meridian::shim
