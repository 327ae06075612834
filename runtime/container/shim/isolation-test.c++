// What a program finds when it looks around in a container, and what its limits do. Real shim, real kernel: needs root.
#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/container/cgroup-layout.h"
#include "runtime/container/shim/shim-harness.h"

namespace meridian::shim {

namespace fs = std::filesystem;

namespace {

const bool ready = requireRootAndCgroups();

using Launch = schema::Launch::Builder;

// The answers of the probe's `look`, whole lines.
class Looked {
 public:
  Looked(ShimHarness& harness, const std::string& id): lines_(harness.logged(id)) {}

  bool has(const std::string& line) const {
    INFO(line);
    return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
  }

  // What follows the word on the line that begins with it.
  std::string of(const std::string& word) const {
    auto start = "o " + word + " ";
    for (auto& line : lines_) {
      if (line.starts_with(start)) return line.substr(start.size());
    }
    return "nothing is said of " + word;
  }

 private:
  std::vector<std::string> lines_;
};

Looked look(ShimHarness& harness, const ShimHarness::Change& change = [](auto) {}) {
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"look"}, change);
  REQUIRE(client.nextExit().ending == Ending{.code = 0});
  return Looked(harness, "alice");
}

}  // namespace

TEST_CASE("a program sees its own processes, host name, network and nothing of the machine") {
  ShimHarness harness;
  auto looked = look(harness);
  CHECK(looked.of("hostname") == "alice");
  CHECK(looked.of("cwd") == "/");
  CHECK(looked.of("network") == "lo ");
  CHECK(looked.of("processes").ends_with(" self thread-self 1 2 "));
  CHECK(looked.of("ppid") == "1");
  CHECK(looked.of("sid") == looked.of("pid"));
  CHECK(looked.of("cgroup").find("meridian") == std::string::npos);
  CHECK(looked.of("init_command").starts_with("init "));
  CHECK(looked.of("init_command").find("shim") == std::string::npos);
  CHECK(looked.of("init_environ") == "<Permission denied>");
}

TEST_CASE("a program has three descriptors, sane limits and default signals") {
  ShimHarness harness;
  auto looked = look(harness);
  CHECK(looked.of("fds") == "0 1 2 ");
  CHECK(looked.of("stdin") == "empty");
  CHECK(looked.of("umask") == "022");
  CHECK(looked.of("nofile") == "1024");
  CHECK(looked.of("SigBlk") == "0000000000000000");
  CHECK(looked.of("SigIgn") == "0000000000000000");
  CHECK(looked.has("o env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  CHECK(looked.has("o env HOME=/root"));
}

TEST_CASE("root in a container has the default capabilities and can gain none") {
  ShimHarness harness;
  auto looked = look(harness);
  CHECK(looked.of("Uid") == "0 0 0 0");
  for (auto set : {"CapPrm", "CapEff", "CapBnd"}) CHECK(looked.of(set) == "00000000a80425fb");
  for (auto set : {"CapInh", "CapAmb"}) CHECK(looked.of(set) == "0000000000000000");
  CHECK(looked.of("NoNewPrivs") == "1");
}

TEST_CASE("another user has no capability, its groups, and standard streams that open") {
  ShimHarness harness;
  auto looked = look(harness, [](Launch launch) {
    launch.setUid(1000);
    launch.setGid(1001);
    launch.initGroups(2).set(0, 2000);
    launch.getGroups().set(1, 2001);
    launch.initEnv(1)[0].setName("HOME");
    launch.getEnv()[0].setValue("/srv");
    launch.setWorkdir("/srv/made");
  });
  CHECK(looked.of("Uid") == "1000 1000 1000 1000");
  CHECK(looked.of("Gid") == "1001 1001 1001 1001");
  CHECK(looked.of("Groups") == "2000 2001 ");
  for (auto set : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) CHECK(looked.of(set) == "0000000000000000");
  CHECK(looked.has("o env HOME=/srv"));
  CHECK(looked.of("cwd") == "/srv/made");
  CHECK(looked.of("make_in_root") == "Permission denied");
  CHECK(looked.has("o reopened /dev/stdout"));
  CHECK(looked.has("e reopened /dev/stderr"));
}

TEST_CASE("the kernel's file systems are masked and read-only, the devices are the usual ones") {
  ShimHarness harness;
  auto looked = look(harness);
  CHECK(looked.of("timer_list") == "0");
  CHECK(looked.of("firmware").empty());
  CHECK(looked.of("write_sysrq") != "yes");
  CHECK(looked.of("write_sysctl") == "Read-only file system");
  CHECK(looked.of("write_sys") == "Read-only file system");
  CHECK(looked.of("make_in_dev") == "Read-only file system");
  CHECK(looked.of("make_in_shm") == "yes");
  CHECK(looked.of("make_in_root") == "yes");
  for (auto node : {"null", "zero", "full", "random", "urandom", "tty"}) {
    CHECK(looked.has(std::string("o node /dev/") + node + " 20666"));
  }
  for (auto name : {"fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm"}) {
    CHECK((" " + looked.of("dev")).find(std::string(" ") + name + " ") != std::string::npos);
  }
  CHECK(looked.of("ptmx") == "yes");
  CHECK(looked.of("own_disk_node") == "Permission denied");
  CHECK(looked.has("o reopened /dev/stdout"));
  CHECK(looked.has("e reopened /dev/stderr"));
}

TEST_CASE("hosts and resolv.conf are put over the image's, also over links; without them the image's stay") {
  ShimHarness harness;
  fs::create_symlink("/nowhere/resolv.conf", harness.dir() + "/image/etc/resolv.conf");
  auto looked = look(harness, [](Launch launch) {
    launch.setHosts("127.0.0.1 localhost\n");
    launch.setResolvConf("nameserver 192.0.2.1\n");
  });
  CHECK(looked.of("hosts") == "127.0.0.1 localhost ");
  CHECK(looked.of("resolv") == "nameserver 192.0.2.1 ");
  CHECK(readText(harness.dir() + "/image/etc/hosts").empty());
}

TEST_CASE("a mount point of the image that is a link is refused, and nothing is mounted where it leads") {
  ShimHarness harness;
  fs::create_directory_symlink("/etc", harness.dir() + "/image/dev");
  ShimClient client(harness.socketPath());
  auto answer = harness.launch(client, "alice", 1, {"look"});
  REQUIRE(answer->get().isRefused());
  CHECK(answer->get().getRefused().getCode() == schema::Refusal::Code::SETUP_FAILED);
  CHECK(std::string(answer->get().getRefused().getMessage()) == "/dev: Not a directory");
}

TEST_CASE("layers are stacked, the topmost wins, in folders with odd names") {
  ShimHarness harness;
  auto top = harness.dir() + "/top, of: \\ all";
  fs::create_directories(top + "/etc");
  fs::copy_file(harness.dir() + "/image/bin/probe", top + "/program");
  auto looked = look(harness, [&](Launch launch) {
    launch.initLayers(2).set(0, top);
    launch.getLayers().set(1, harness.dir() + "/image");
    launch.getArgv().set(0, "/program");
  });
  CHECK(looked.of("hostname") == "alice");
}

TEST_CASE("an image may have many layers") {
  ShimHarness harness;
  auto looked = look(harness, [&](Launch launch) {
    auto layers = launch.initLayers(40);
    for (unsigned i = 0; i < layers.size() - 1; ++i) {
      auto layer = harness.dir() + "/layer-" + std::to_string(i);
      fs::create_directories(layer + "/etc");
      std::ofstream(layer + "/etc/hosts") << i;
      layers.set(i, layer);
    }
    layers.set(layers.size() - 1, harness.dir() + "/image");
  });
  CHECK(looked.of("hosts") == "0");
}

TEST_CASE("a container's mount table names nothing of the machine") {
  ShimHarness harness;
  auto mounts = look(harness).of("mounts");
  CHECK(mounts.find("overlay") != std::string::npos);
  CHECK(mounts.find(harness.dir()) == std::string::npos);
}

TEST_CASE("a program without a slash is found in PATH of the container") {
  ShimHarness harness;
  auto looked = look(harness, [&](Launch launch) {
    launch.getArgv().set(0, "probe");
    launch.initEnv(1)[0].setName("PATH");
    launch.getEnv()[0].setValue("/nowhere:/bin");
  });
  CHECK(looked.has("o env PATH=/nowhere:/bin"));
}

TEST_CASE("a program that uses too much memory ends with its instance alone") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "bob", 1, {"serve"});
  REQUIRE(harness.awaitLogged("bob", "o up"));
  for (auto word : {"eat", "eat-in-child"}) {
    INFO(word);
    harness.start(client, word, 1, {word, "128"});
    auto exit = client.nextExit();
    CHECK(exit.key.container.id == word);
    CHECK(exit.ending == Ending{.signal = SIGKILL});
    CHECK(exit.oomKilled);
    CHECK_FALSE(exit.killed);
    CHECK_FALSE(fs::exists(harness.cgroupFolder("memory", word, 1)));
  }
  auto listed = client.call([](auto request) { request.setList(); });
  REQUIRE(listed->get().getInstances().size() == 1);
}

TEST_CASE("memory below the limit is not an out-of-memory") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"eat", "32"});
  REQUIRE(harness.awaitLogged("alice", "o ate"));
  client.call([](auto request) { fillKey(request.initKill(), "alice", 1); });
  CHECK_FALSE(client.nextExit().oomKilled);
}

TEST_CASE("a container has as many tasks as it may, the init not counted") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"fork-until-refused"}, [](Launch launch) { launch.setPidsMax(10); });
  CHECK(client.nextExit().ending == Ending{.code = 0});
  CHECK(harness.logged("alice") ==
        std::vector<std::string>{"o children 9 Resource temporarily unavailable"});
}

TEST_CASE("a busy program is throttled to its share of a CPU") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  harness.start(client, "alice", 1, {"spin"}, [](Launch launch) { launch.setCpuMicro(62'500); });
  auto stat = harness.cgroupFolder("cpu", "alice", 1) + "/cpu.stat";
  CHECK(eventually([&]() { return container::valueOf("nr_throttled", readText(stat)) > 0; }));
}

TEST_CASE("a full disk under the log loses lines and nothing else") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto folder = harness.logDir("alice");
  fs::create_directories(folder);
  REQUIRE(mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=64k") == 0);
  harness.start(client, "alice", 1, {"lines", "20000"});
  auto exit = client.nextExit();
  auto lines = readText(folder + "/log");
  CHECK(exit.ending == Ending{.code = 0});
  CHECK(lines.find("line 0 of") != std::string::npos);
  CHECK(eventually([&]() {
    return readText(harness.dir() + "/shim/log").find("LogIncomplete instance=Sandbox/alice#1 dropped_bytes=") !=
           std::string::npos;
  }));
  CHECK(client.call([](auto request) { request.setList(); })->get().isInstances());
}

}  // namespace meridian::shim
