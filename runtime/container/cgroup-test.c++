// The v2 code over an ordinary folder: which files it writes and reads, and what. That the kernel obeys is shown by the
// shim's tests on the layout of the machine they run on.
#include "runtime/container/cgroup.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace meridian::container {

namespace fs = std::filesystem;

namespace {

// A v2 hierarchy as far as files go. The kernel makes a cgroup's files with it; here the test does.
class FakeHierarchy {
 public:
  FakeHierarchy() {
    char path[] = "/tmp/meridian-cgroup-test-XXXXXX";
    root_ = mkdtemp(path);
    makeFiles("");
    makeFiles("/meridian-test");
    makeFiles("/meridian-test-shim");
  }
  ~FakeHierarchy() { fs::remove_all(root_); }
  FakeHierarchy(const FakeHierarchy&) = delete;

  CgroupLayout layout() const { return {CgroupVersion::V2, root_, root_, root_}; }

  void makeFiles(const std::string& cgroup) {
    fs::create_directory(root_ + cgroup);
    for (auto file : {"memory.max", "memory.swap.max", "memory.oom.group", "memory.events", "cpu.max", "pids.max",
                      "cgroup.procs", "cgroup.kill", "cgroup.subtree_control"}) {
      std::ofstream(root_ + cgroup + "/" + file);
    }
  }

  std::string read(const std::string& path) const {
    std::stringstream text;
    text << std::ifstream(root_ + path).rdbuf();
    return text.str();
  }

  void write(const std::string& path, const std::string& text) { std::ofstream(root_ + path) << text; }

 private:
  std::string root_;
};

}  // namespace

TEST_CASE("on v2 the controllers are handed down to the tree") {
  FakeHierarchy fake;
  CgroupTree tree(fake.layout(), "test");
  CHECK(fake.read("/cgroup.subtree_control") == "+cpu +memory +pids");
  CHECK(fake.read("/meridian-test/cgroup.subtree_control") == "+cpu +memory +pids");
  CHECK(fake.read("/meridian-test-shim/cgroup.subtree_control").empty());
}

TEST_CASE("on v2 a process is cloned into its cgroup, killed by one write, and counted out by events") {
  FakeHierarchy fake;
  CgroupTree tree(fake.layout(), "test");
  fake.makeFiles("/meridian-test/a");
  auto entrance = tree.entrance("a");
  CHECK(entrance.forClone() >= 0);
  CHECK(entrance.enter() == 0);
  CHECK(fake.read("/meridian-test/a/cgroup.procs").empty());
  fake.write("/meridian-test/a/cgroup.procs", "1234\n");
  CHECK_FALSE(tree.isEmpty("a"));
  tree.kill("a");
  CHECK(fake.read("/meridian-test/a/cgroup.kill") == "1");
  CHECK(tree.oomKills("a") == 0);
  fake.write("/meridian-test/a/memory.events", "oom 2\noom_kill 1\n");
  CHECK(tree.oomKills("a") == 1);
  CHECK(tree.list() == std::vector<std::string>{"a"});
}

TEST_CASE("on v1 a process enters its cgroup by itself, in each hierarchy") {
  FakeHierarchy memory, cpu, pids;
  CgroupTree tree({CgroupVersion::V1, memory.layout().memory, cpu.layout().cpu, pids.layout().pids}, "test");
  auto entrance = tree.entrance("a");  // before the cgroup is there
  CHECK(entrance.forClone() < 0);
  CHECK(entrance.enter() < 0);
  for (auto fake : {&memory, &cpu, &pids}) {
    fake->makeFiles("/meridian-test/a");
    fake->write("/meridian-test/a/tasks", "");
  }
  CHECK(entrance.enter() == 0);
  for (auto fake : {&memory, &cpu, &pids}) CHECK(fake->read("/meridian-test/a/tasks") == "0");
}

TEST_CASE("where the kernel has no cgroup.kill each process is killed") {
  FakeHierarchy fake;
  CgroupTree tree(fake.layout(), "test");
  fake.makeFiles("/meridian-test/a");
  fs::remove(fake.layout().pids + "/meridian-test/a/cgroup.kill");
  pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  fake.write("/meridian-test/a/cgroup.procs", std::to_string(child) + "\n");
  tree.kill("a");
  int status;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

TEST_CASE("a cgroup that cannot have its limits is not left half-made") {
  FakeHierarchy fake;
  CgroupTree tree(fake.layout(), "test");
  // An ordinary folder does not come with the kernel's files, so the first limit cannot be written.
  CHECK_THROWS_AS(tree.create("a", {MicroCpu(1'000'000), MemoryMib(64), 16}), std::system_error);
  CHECK(tree.list().empty());
}

TEST_CASE("the shim's own process moves beside the tree and back") {
  FakeHierarchy fake;
  CgroupTree tree(fake.layout(), "test");
  tree.adopt(77);
  CHECK(fake.read("/meridian-test-shim/cgroup.procs") == "77");
  tree.release(77);
  CHECK(fake.read("/cgroup.procs") == "77");
}

TEST_CASE("a folder's tree has a name of its own, always the same") {
  CHECK(cgroupTreeName("/var/lib/meridian/shim") == cgroupTreeName("/var/lib/meridian/shim"));
  CHECK(cgroupTreeName("/a") != cgroupTreeName("/b"));
  CHECK(cgroupTreeName("/a").size() == 16);
}

}  // namespace meridian::container
