// The verbs as a user meets them: the program is started with arguments, against a fake platform on a real socket.
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "runtime/cli/fake-fleet.h"

namespace meridian::cli {

namespace {

using nlohmann::json;

class TempFolder {
 public:
  TempFolder() {
    char pattern[] = "/tmp/meridian-cli-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

struct Result {
  int status;  // 128 + n when signal n ended it
  std::string out;
  std::string err;
};

// One run of the program with its three streams on pipes.
class Run {
 public:
  Run(const std::string& folder, const std::vector<std::string>& arguments) {
    int in[2], out[2], err[2];
    for (int* ends : {in, out, err}) REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    std::vector<char*> argv{const_cast<char*>("meridian")};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, ::getenv("MERIDIAN_PROGRAM"), &actions, nullptr, argv.data(),
                          environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int fd : {in[0], out[1], err[1]}) ::close(fd);
    in_ = in[1];
    out_ = out[0];
    err_ = err[0];
  }

  ~Run() {
    if (pid_ != 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (int fd : {in_, out_, err_}) {
      if (fd >= 0) ::close(fd);
    }
  }

  void input(const std::string& text) { REQUIRE(::write(in_, text.data(), text.size()) == ssize_t(text.size())); }
  void closeInput() { ::close(std::exchange(in_, -1)); }
  void closeOutput() { ::close(std::exchange(out_, -1)); }
  void signal(int number) { ::kill(pid_, number); }

  // Until the output has so many bytes.
  std::string output(size_t bytes) {
    std::string text(bytes, '\0');
    size_t got = 0;
    while (got < bytes) {
      ssize_t more = ::read(out_, text.data() + got, bytes - got);
      if (more <= 0) break;
      got += more;
    }
    text.resize(got);
    return text;
  }

  Result finish() {
    Result result;
    pollfd fds[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    std::string* texts[2] = {&result.out, &result.err};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
      ::poll(fds, 2, -1);
      for (int i = 0; i < 2; ++i) {
        if (fds[i].fd < 0 || fds[i].revents == 0) continue;
        char buffer[4096];
        ssize_t got = ::read(fds[i].fd, buffer, sizeof(buffer));
        if (got > 0) texts[i]->append(buffer, got);
        if (got <= 0) fds[i].fd = -1;
      }
    }
    int status;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return result;
  }

 private:
  pid_t pid_ = 0;
  int in_, out_, err_;
};

Result run(const std::string& folder, const std::vector<std::string>& arguments,
           const std::string& input = "") {
  Run run(folder, arguments);
  run.input(input);
  run.closeInput();
  return run.finish();
}

// A folder with a running platform in it.
struct World {
  TempFolder folder;
  FakeFleet fleet{folder.path()};

  Result operator()(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"--state", folder.path()});
    return run(folder.path(), arguments, input);
  }
  std::unique_ptr<Run> begin(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--state", folder.path()});
    return std::make_unique<Run>(folder.path(), arguments);
  }
};

void expectOutput(const Result& result, const std::string& out) {
  CHECK(result.err == "");
  CHECK(result.out == out);
  CHECK(result.status == 0);
}

void expectError(const Result& result, int status, const std::string& line) {
  CHECK(result.out == "");
  CHECK(result.err == "meridian: " + line + "\n");
  CHECK(result.status == status);
}

const std::string CONFIG = R"({
  "name": "shop",
  "containers": [{ "class_name": "Box", "image": "rootfs:/srv/box", "default_port": 80 }],
  "routes": [{ "path": "/box/:id/*", "class": "Box" }],
})";

}  // namespace

TEST_CASE("deploy sends the checked configuration and shows the routes") {
  World world;
  auto file = world.folder.write("meridian.jsonc", CONFIG);
  expectOutput(world({"deploy", "--config", file}),
               "deployed shop version 3: 1 class, 1 route\n"
               "  http://127.0.0.1:8787/box/:id/*  ->  Box\n");
  CHECK(world.fleet.calls() ==
        "deploy shop replace=later force=no\nclass Box rootfs:/srv/box grace=10000\n");

  auto result = world({"deploy", "--now", "--force", "--json"});
  CHECK(json::parse(result.out) ==
        json::parse(R"({"name": "shop", "version": 3, "classes": ["Box"],
                        "routes": [{"path": "/box/:id/*", "class": "Box"}]})"));
  CHECK(world.fleet.calls() ==
        "deploy shop replace=now force=yes\nclass Box rootfs:/srv/box grace=10000\n");
}

TEST_CASE("deploy tells what the platform or the configuration refuses") {
  World world;
  world.folder.write("meridian.jsonc", R"({"name": "refused",
    "containers": [{"class_name": "Box", "image": "rootfs:/srv/box"}]})");
  expectError(world({"deploy"}), 1, "deploy refused: class Box: alice is running");
  world.folder.write("bad.jsonc", "{\n\"name\": 1,\n\"containers\": []}");
  expectError(world({"deploy", "--config", "bad.jsonc"}), 1,
              "bad.jsonc:2: name: must be a string, is a number (1); allowed: 1 to 128 of "
              "[A-Za-z0-9._~-]");
  expectError(world({"deploy", "--config", "none.jsonc"}), 1,
              "none.jsonc: cannot be read (No such file or directory); allowed: a configuration "
              "file, by --config FILE or as meridian.jsonc in this folder");
}

TEST_CASE("apps lists the applications") {
  World world;
  expectOutput(world({"apps"}),
               "APPLICATION  VERSION  DEPLOYED                  CLASSES  ROUTES\n"
               "shop         3        2026-01-01T00:00:00.000Z  Box      /box/:id/*\n");
  CHECK(json::parse(world({"apps", "--json"}).out) ==
        json::parse(R"([{"name": "shop", "version": 3, "deployed_at": "2026-01-01T00:00:00.000Z",
                         "classes": ["Box"], "routes": [{"path": "/box/:id/*", "class": "Box"}]}])"));
}

TEST_CASE("ps shows the live containers, and with --all the stopped ones too") {
  World world;
  auto live = world({"ps"});
  CHECK(live.status == 0);
  CHECK(live.out.starts_with(
      "CONTAINER  STATE    GEN  MACHINE  READY IN  UP"));
  CHECK(live.out.find("\nBox/alice  running  7    metal-1  12.2 ms   ") != std::string::npos);
  CHECK(live.out.find("Box/old") == std::string::npos);
  auto all = world({"ps", "--all"});
  CHECK(all.out.find("\nBox/old    stopped  4    -        8.0 ms    -") != std::string::npos);
  CHECK(all.out.ends_with("0         exited 3\n"));
}

TEST_CASE("ps --json has stable keys, null where something does not apply") {
  World world;
  auto list = json::parse(world({"ps", "--all", "--json"}).out);
  CHECK(list == json::parse(R"([
    {"class": "Box", "id": "alice", "state": "running", "generation": 7, "machine": "metal-1",
     "location": "home", "stop_reason": null, "exit_code": null, "exit_signal": null, "restarts": 2,
     "started_at": "2026-01-01T00:00:00.005Z", "ready_ms": 12.25, "image": "rootfs:/srv/box",
     "version": 3, "stopped_at": null, "stop_detail": null},
    {"class": "Box", "id": "old", "state": "stopped", "generation": 4, "machine": null,
     "location": null, "stop_reason": "exited", "exit_code": 3, "exit_signal": null, "restarts": 0,
     "started_at": null, "ready_ms": 8.0, "image": "rootfs:/srv/box", "version": null,
     "stopped_at": "2026-01-01T00:00:00.000Z", "stop_detail": "by itself"}])"));
}

TEST_CASE("inspect shows one container") {
  World world;
  expectOutput(world({"inspect", "Box/old"}),
               "Box/old\n"
               "  state       stopped\n"
               "  generation  4\n"
               "  machine     -\n"
               "  location    -\n"
               "  image       rootfs:/srv/box\n"
               "  version     -\n"
               "  started     -\n"
               "  ready in    8.0 ms\n"
               "  restarts    0\n"
               "  last stop   exited 3\n"
               "  stopped at  2026-01-01T00:00:00.000Z\n"
               "  detail      by itself\n");
  CHECK(json::parse(world({"inspect", "Box/alice", "--json"}).out)["state"] == "running");
}

TEST_CASE("start wakes a container with its environment") {
  World world;
  expectOutput(world({"start", "--env", "A=1", "Box/alice", "-e", "B=x=y"}),
               "Box/alice running: generation 7 on metal-1, ready in 12.2 ms\n");
  CHECK(world.fleet.calls() == "start alice [A=1 B=x=y]\n");
  CHECK(json::parse(world({"start", "Box/alice", "--json"}).out)["generation"] == 7);
  expectError(world({"start", "Box/broken"}), 1,
              "Box/broken did not start: start-failed: the program does not exist (exec-failed)");
  expectError(world({"start", "Box/a", "--env", "A"}), 1, "bad --env \"A\"; allowed: NAME=VALUE");
  expectError(world({"start", "Box/a", "--env", "MERIDIAN_ID=b"}), 1,
              "bad --env \"MERIDIAN_ID=b\"; allowed: NAME=VALUE with another name (set by the "
              "platform)");
}

TEST_CASE("an error of the platform is one line") {
  World world;
  expectError(world({"start", "Box/gone"}), 1, "nobody knows it");
}

TEST_CASE("stop sends the signal that was asked for") {
  World world;
  expectOutput(world({"stop", "Box/alice"}), "Box/alice stopped: exited 3\n");
  world({"stop", "Box/alice", "--signal", "SIGINT"});
  world({"stop", "Box/alice", "-s", "HUP"});
  world({"stop", "Box/alice", "-s", "10"});
  CHECK(world.fleet.calls() == "stop alice 15\nstop alice 2\nstop alice 1\nstop alice 10\n");
  expectError(world({"stop", "Box/alice", "-s", "NOPE"}), 1,
              "bad --signal \"NOPE\"; allowed: a name as SIGTERM or TERM, or a number from 1 to 64");
}

TEST_CASE("destroy is told to the container") {
  World world;
  expectOutput(world({"destroy", "Box/alice"}), "Box/alice destroyed\n");
  CHECK(world.fleet.calls() == "destroy alice\n");
}

TEST_CASE("a bad CLASS/ID is named before the platform is asked") {
  World world;
  const std::string ALLOWED =
      "\"; allowed: a class and an ID, each 1 to 128 of [A-Za-z0-9._~-], as Sandbox/alice";
  for (std::string bad : {"alice", "Box/", "/alice", "Box/a/b", "Box/..", "Box/a b"}) {
    expectError(world({"inspect", bad}), 1, "bad CLASS/ID \"" + bad + ALLOWED);
  }
  CHECK(world.fleet.calls() == "");
}

TEST_CASE("logs prints the stored lines and ends") {
  World world;
  expectOutput(world({"logs", "Box/alice"}), "listening\na warning\n");
  expectOutput(world({"logs", "-t", "Box/alice"}),
               "2026-01-01T00:00:00.000Z stdout listening\n"
               "2026-01-01T00:00:00.001Z stderr a warning\n");
  expectOutput(world({"logs", "--json", "Box/alice"}),
               R"({"at":"2026-01-01T00:00:00.000Z","stream":"stdout","generation":7,"text":"listening"})"
               "\n"
               R"({"at":"2026-01-01T00:00:00.001Z","stream":"stderr","generation":7,"text":"a warning"})"
               "\n");
}

TEST_CASE("a follower goes on until Ctrl-C") {
  World world;
  for (std::vector<std::string> verb : {std::vector<std::string>{"logs", "-f", "Box/alice"},
                                        std::vector<std::string>{"events", "-f"}}) {
    auto run = world.begin(verb);
    CHECK(run->output(9).size() == 9);  // what is stored has come
    run->signal(SIGINT);
    auto result = run->finish();
    CHECK(result.status == 128 + SIGINT);
    CHECK(result.err == "");
  }
}

TEST_CASE("events come one a line") {
  World world;
  expectOutput(world({"events"}),
               "2026-01-01T00:00:00.000Z  Box/alice  generation 7  running  machine=metal-1\n");
  expectOutput(world({"events", "--after", "41", "--json"}),
               R"({"number":42,"at":"2026-01-01T00:00:00.000Z","class":"Box","id":"alice",)"
               R"("generation":7,"kind":"running","detail":"machine=metal-1"})"
               "\n");
}

TEST_CASE("info shows the platform and how often its stores have committed") {
  World world;
  expectOutput(world({"info"}),
               "meridian 0.1.0, dev, pid 42, http://127.0.0.1:8787\n"
               "commits since its start: 7 of the server's store, 3 of the agent's\n");
  auto info = json::parse(world({"info", "--json"}).out);
  CHECK(info["server_commits"] == 7);
  CHECK(info["agent_commits"] == 3);
}

TEST_CASE("why shows each tier's candidates with their reasons") {
  World world;
  expectOutput(world({"why", "Box/alice"}),
               "2026-01-01T00:00:00.000Z  home: chose metal-1, the best score\n"
               "  CANDIDATE  FEASIBLE  SCORE  REASON\n"
               "  metal-1    yes       0.500  half full\n"
               "  metal-2    no        -      not enough memory\n");
  auto decisions = json::parse(world({"why", "Box/alice", "--json"}).out);
  CHECK(decisions[0]["chosen"] == "metal-1");
  CHECK(decisions[0]["candidates"][1]["score"] == nullptr);
  expectOutput(world({"why", "Box/new"}), "Box/new was never placed\n");
}

TEST_CASE("exec keeps the streams apart and ends with the status of the command") {
  World world;
  auto both = world({"exec", "Box/alice", "--", "both"});
  CHECK(both.out == "to stdout\n");
  CHECK(both.err == "to stderr\n");
  CHECK(both.status == 3);
  CHECK(world({"exec", "Box/alice", "--", "killed"}).status == 128 + 9);
}

TEST_CASE("exec passes its input on to the end") {
  World world;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i) + "\n";  // below a pipe's size
  expectOutput(world({"exec", "Box/alice", "--", "cat", "--state", "--"}, text), text);

  auto file = world.folder.write("input", text);
  auto shell = "exec < " + file + "; exec " + ::getenv("MERIDIAN_PROGRAM") + " --state " +
               world.folder.path() + " exec Box/alice -- cat";
  std::FILE* pipe = ::popen(shell.c_str(), "r");
  std::string fromFile(text.size(), '\0');
  fromFile.resize(std::fread(fromFile.data(), 1, fromFile.size(), pipe));
  CHECK(::pclose(pipe) == 0);
  CHECK(fromFile == text);
}

TEST_CASE("exec passes Ctrl-C on to the command") {
  World world;
  auto run = world.begin({"exec", "Box/alice", "--", "wait"});
  CHECK(run->output(8) == "waiting\n");
  run->signal(SIGINT);
  CHECK(run->finish().status == 128 + SIGINT);
  CHECK(world.fleet.calls() == "process signal 2\n");
}

TEST_CASE("exec passes a second Ctrl-C on too, when the first was taken") {
  World world;
  auto run = world.begin({"exec", "Box/alice", "--", "stubborn"});
  CHECK(run->output(8) == "waiting\n");
  run->signal(SIGINT);
  CHECK(run->output(10) == "once more\n");
  run->signal(SIGINT);
  CHECK(run->finish().status == 128 + SIGINT);
  CHECK(world.fleet.calls() == "process signal 2\nprocess signal 2\n");
}

TEST_CASE("exec ends quietly when nobody reads its output") {
  World world;
  auto run = world.begin({"exec", "Box/alice", "--", "flood"});
  CHECK(run->output(3) == "and");
  run->closeOutput();
  auto result = run->finish();
  CHECK(result.status == 128 + SIGPIPE);
  CHECK(result.err == "");
}

TEST_CASE("exec that cannot run its command ends with 125") {
  World world;
  expectError(world({"exec", "Box/alice", "--", "nonsense"}), 125, "the command does not exist");
  expectError(world({"exec", "Box/old", "--", "cat"}), 125, "it does not run");
  expectError(world({"exec", "Box/alice"}), 125, "no command; allowed: exec CLASS/ID -- CMD...");
}

TEST_CASE("without a platform a verb says how to start one") {
  TempFolder folder;
  expectError(run(folder.path(), {"--state", "here", "ps"}), 1,
              "no platform is running in here; start one with `meridian dev` or `meridian up`, or "
              "name its folder: meridian --state DIR VERB");
  std::string longer(100, 'x');
  expectError(run(folder.path(), {"--state", longer, "ps"}), 1,
              "the socket path " + longer + "/rpc.sock has 109 bytes; allowed: at most 107, so choose "
              "a shorter --state DIR");
}

TEST_CASE("a platform of dev in this folder is found without --state") {
  TempFolder folder;
  std::filesystem::create_directory(folder.path() + "/.meridian");
  FakeFleet fleet(folder.path() + "/.meridian");
  CHECK(run(folder.path(), {"ps"}).status == 0);
}

TEST_CASE("dev, up and down hand over checked options") {
  TempFolder folder;
  folder.write("meridian.jsonc", CONFIG);
  expectOutput(run(folder.path(), {"dev"}),
               "dev " + folder.path() +
                   "/.meridian application=shop classes=1 http=127.0.0.1:8787 cpu=0 memory=0 disk=0\n");
  expectOutput(run(folder.path(), {"--state", "s", "dev", "--port", "0", "--capacity",
                                   "vcpu=1.5,memory_mib=512"}),
               "dev " + folder.path() +
                   "/s application=shop classes=1 http=127.0.0.1:0 cpu=1500000 memory=512 disk=0\n");
  expectOutput(run(folder.path(), {"up", "--http", "0.0.0.0:80"}),
               "up /var/lib/meridian http=0.0.0.0:80 cpu=0 memory=0 disk=0\n");
  expectError(run(folder.path(), {"down"}), 1, "nothing runs in /var/lib/meridian");
}

TEST_CASE("a bad argument is named with what is allowed") {
  TempFolder folder;
  auto error = [&folder](const std::vector<std::string>& arguments) {
    auto result = run(folder.path(), arguments);
    CHECK(result.out == "");
    CHECK(result.status != 0);
    return result.err;
  };
  const std::string CAPACITY = "\"; allowed: vcpu=N,memory_mib=N,disk_mb=N, any of them once, each N above 0\n";
  for (std::string bad : {"cpu=1", "vcpu=0", "vcpu=1,vcpu=2", "memory_mib=1x", "vcpu=1,", "disk_mb=-1"}) {
    CHECK(error({"up", "--capacity", bad}) == "meridian: bad --capacity \"" + bad + CAPACITY);
  }
  CHECK(error({"up", "--http", "localhost"}) ==
        "meridian: bad --http \"localhost\"; allowed: HOST:PORT with a port from 0 to 65535, 0 picks a "
        "free one\n");
  CHECK(error({"dev", "--port", "70000"}) ==
        "meridian: --port: Value 70000 not in range 0 to 65535 (see `meridian dev --help`)\n");
  const std::string VERBS =
      "dev, up, down, deploy, info, apps, ps, inspect, start, stop, destroy, why, logs, events, exec, "
      "sim (see `meridian --help`)\n";
  CHECK(error({"frob", "x"}) == "meridian: unknown verb \"frob\"; allowed: " + VERBS);
  CHECK(error({}) == "meridian: no verb; allowed: " + VERBS);
  CHECK(error({"ps", "--frob"}) == "meridian: unexpected argument \"--frob\" (see `meridian ps --help`)\n");
  CHECK(error({"ps", "inspect"}) == "meridian: unexpected argument \"inspect\" (see `meridian ps --help`)\n");
  CHECK(error({"inspect"}) == "meridian: CLASS/ID is required (see `meridian inspect --help`)\n");
  CHECK(error({"ps", "--", "x"}) ==
        "meridian: only exec takes -- and a command (see `meridian ps --help`)\n");
  CHECK(error({"--state", "x", "sim", "list"}).starts_with("meridian: bad place of sim; allowed: before all other"));
  CHECK(error({"--state", "", "ps"}) == "meridian: bad --state \"\"; allowed: a folder\n");
}

TEST_CASE("each verb has its help") {
  TempFolder folder;
  for (std::string verb : {"dev", "up", "down", "deploy", "apps", "ps", "inspect", "start", "stop",
                           "destroy", "logs", "exec", "events", "why", "info"}) {
    auto result = run(folder.path(), {verb, "--help"});
    CHECK(result.status == 0);
    CHECK(result.err == "");
    CHECK(result.out.find(verb) != std::string::npos);
    CHECK(run(folder.path(), {"--help"}).out.find("  " + verb + " ") != std::string::npos);
  }
  expectOutput(run(folder.path(), {"--version"}), "meridian 0.1.0\n");
}

}  // namespace meridian::cli
