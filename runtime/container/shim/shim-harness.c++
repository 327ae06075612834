#include "runtime/container/shim/shim-harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "runtime/container/cgroup.h"
#include "runtime/container/log-format.h"
#include "runtime/container/shim/packet.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace fs = std::filesystem;

namespace {

const char* environment(const char* name) {
  auto value = getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: run this test by meson");
  return value;
}

kj::AutoCloseFd makeNetns() {
  kj::AutoCloseFd before(need(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open the network namespace"));
  need(unshare(CLONE_NEWNET), "make a network namespace");
  kj::AutoCloseFd made(need(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open the new network namespace"));
  need(setns(before, CLONE_NEWNET), "return to the network namespace");
  return made;
}

// What a test has mounted there, the last first.
void unmountBelow(const std::string& folder) {
  std::vector<std::string> points;
  std::stringstream mounts(readText("/proc/self/mounts"));
  for (std::string source, point, rest; mounts >> source >> point && std::getline(mounts, rest);) {
    if (point.starts_with(folder + "/")) points.push_back(point);
  }
  std::for_each(points.rbegin(), points.rend(), [](auto& point) { umount2(point.c_str(), MNT_DETACH); });
}

std::string makeFolder() {
  char path[] = "/tmp/meridian-shim-test-XXXXXX";
  if (mkdtemp(path) == nullptr) need(-1, "make a temporary folder");
  return path;
}

container::CgroupLayout layout() { return *container::chooseCgroupLayout(readText("/proc/self/mountinfo"), readText); }

}  // namespace

std::string readText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool eventually(const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(PATIENCE_MS);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

void fillKey(schema::InstanceKey::Builder key, const std::string& id, uint64_t generation) {
  key.setGeneration(generation);
  auto container = key.initContainer();
  container.setClassName("Sandbox");
  container.setId(id);
}

// ---- the client ----

ShimClient::ShimClient(const std::string& socketPath, Greeting greeting)
    : socket_(need(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "make a socket")) {
  sockaddr_un address{.sun_family = AF_UNIX};
  socketPath.copy(address.sun_path, sizeof address.sun_path - 1);
  need(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect to the shim");
  if (greeting == Greeting::NONE) return;
  auto answer = call([](auto request) { request.initHello().setProtocol(schema::SHIM_PROTOCOL_VERSION); });
  if (!answer->get().isHello()) throw std::runtime_error("the shim did not greet");
}

uint64_t ShimClient::send(const std::function<void(schema::ToShim::Builder)>& fill, std::vector<int> descriptors) {
  capnp::MallocMessageBuilder message;
  auto request = message.initRoot<schema::ToShim>();
  request.setId(nextId_);
  fill(request);
  auto words = capnp::messageToFlatArray(message);

  iovec bytes{words.begin(), words.asBytes().size()};
  alignas(cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = {};
  msghdr header{.msg_iov = &bytes, .msg_iovlen = 1};
  if (!descriptors.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    auto rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  need(sendmsg(socket_, &header, MSG_NOSIGNAL), "send to the shim");
  return nextId_++;
}

FromShimPacket ShimClient::call(const std::function<void(schema::ToShim::Builder)>& fill, std::vector<int> descriptors) {
  return answerTo(send(fill, std::move(descriptors)));
}

FromShimPacket ShimClient::answerTo(uint64_t id) {
  while (true) {
    auto packet = receive();
    if (packet->get().getId() == id) return packet;
    if (packet->get().getId() != 0) throw std::runtime_error("an answer to another request");
    facts_.push_back(std::move(packet));
  }
}

FromShimPacket ShimClient::nextFact() {
  if (facts_.empty()) return receive();
  auto fact = std::move(facts_.front());
  facts_.pop_front();
  return fact;
}

ExitRecord ShimClient::nextExit() {
  auto fact = nextFact();
  if (!fact->get().isExited()) throw std::runtime_error("another fact than an exit");
  return decode(fact->get().getExited());
}

FromShimPacket ShimClient::receive() {
  pollfd wait{socket_, POLLIN, 0};
  if (poll(&wait, 1, PATIENCE_MS) != 1) throw std::runtime_error("the shim does not answer");
  auto words = kj::heapArray<capnp::word>(PACKET_MAX / sizeof(capnp::word));
  auto size = need(recv(socket_, words.begin(), PACKET_MAX, 0), "receive from the shim");
  if (size == 0) throw std::runtime_error("the shim has closed the connection");
  return std::make_unique<Received>(kj::heapArray(words.slice(0, size / sizeof(capnp::word)).asConst()));
}

void ShimClient::sendBytes(kj::ArrayPtr<const kj::byte> bytes) {
  need(::send(socket_, bytes.begin(), bytes.size(), MSG_NOSIGNAL), "send to the shim");
}

bool ShimClient::isClosed() {
  return eventually([&]() {
    char byte;
    auto size = recv(socket_, &byte, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno == ECONNRESET);
  });
}

// ---- the harness ----

// Once the other constructor is through, the destructor runs whatever fails here.
ShimHarness::ShimHarness(): ShimHarness(makeFolder()) {
  netns_ = makeNetns();
  for (auto folder : {"shim", "logs", "disks", "image/bin", "image/etc"}) fs::create_directories(dir_ + "/" + folder);
  fs::copy_file(environment("SHIM_PROBE"), dir_ + "/image/bin/probe");
  startShim();
}

ShimHarness::~ShimHarness() {
  if (pid_ != 0) {
    ::kill(pid_, SIGTERM);
    waitShim();
  }
  if (!cgroupsLeft().empty()) {
    container::CgroupTree left(layout(), container::cgroupTreeName(dir_ + "/shim"));
    left.removeAll();
    left.removeTree();
  }
  unmountBelow(dir_);
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

void ShimHarness::startShim() {
  auto program = environment("MERIDIAN_SHIM");
  auto dir = dir_ + "/shim";
  pid_ = need(fork(), "fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that is killed leaves no shim
    execl(program, program, "--dir", dir.c_str(), nullptr);
    _exit(127);
  }
  auto connects = [&]() {
    int status;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      throw std::runtime_error("the shim did not start");
    }
    try {
      ShimClient client(socketPath());
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  };
  if (!eventually(connects)) throw std::runtime_error("the shim does not accept connections");
}

int ShimHarness::waitShim() {
  int status = 0;
  if (!eventually([&]() { return waitpid(pid_, &status, WNOHANG) == pid_; })) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }
  pid_ = 0;
  return status;
}

void ShimHarness::killShim() {
  ::kill(pid_, SIGKILL);
  waitShim();
}

std::string ShimHarness::cgroupOf(const std::string& id, uint64_t generation) const {
  return id + "." + std::to_string(generation);
}

std::string ShimHarness::cgroupFolder(const std::string& controller, const std::string& id, uint64_t generation) const {
  auto found = layout();
  auto& hierarchy = controller == "memory" ? found.memory : controller == "cpu" ? found.cpu : found.pids;
  return hierarchy + "/meridian-" + container::cgroupTreeName(dir_ + "/shim") + "/" + cgroupOf(id, generation);
}

std::vector<std::string> ShimHarness::cgroupsLeft() const {
  std::vector<std::string> all;
  auto found = layout();
  auto name = "meridian-" + container::cgroupTreeName(dir_ + "/shim");
  for (auto& hierarchy : {found.memory, found.cpu, found.pids}) {
    for (auto& path : {hierarchy + "/" + name, hierarchy + "/" + name + "-shim"}) {
      if (fs::exists(path)) all.push_back(path);
    }
  }
  return all;
}

void ShimHarness::fillLaunch(schema::Launch::Builder launch, const std::string& id, uint64_t generation,
                             const std::vector<std::string>& argv) {
  auto disk = dir_ + "/disks/" + cgroupOf(id, generation);
  for (auto& folder : {disk + "/upper", disk + "/work", logDir(id)}) fs::create_directories(folder);
  fillKey(launch.initKey(), id, generation);
  auto words = launch.initArgv(argv.size() + 1);
  words.set(0, "/bin/probe");
  for (size_t i = 0; i < argv.size(); ++i) words.set(i + 1, argv[i]);
  launch.setHostname(id);
  launch.initLayers(1).set(0, dir_ + "/image");
  launch.setWritable(disk);
  launch.setCgroup(cgroupOf(id, generation));
  launch.setCpuMicro(1'000'000);
  launch.setMemoryMib(64);
  launch.setPidsMax(64);
  launch.setLogDir(logDir(id));
  launch.setLogBytesMax(1024 * 1024);
  launch.setTag("tag of " + id);
}

FromShimPacket ShimHarness::launch(ShimClient& client, const std::string& id, uint64_t generation,
                             const std::vector<std::string>& argv, const Change& change) {
  auto fill = [&](schema::ToShim::Builder request) {
    auto launch = request.initLaunch();
    fillLaunch(launch, id, generation, argv);
    change(launch);
  };
  return client.call(fill, {netns_});
}

pid_t ShimHarness::start(ShimClient& client, const std::string& id, uint64_t generation,
                         const std::vector<std::string>& argv, const Change& change) {
  auto answer = launch(client, id, generation, argv, change);
  auto packet = answer->get();
  if (packet.isRefused()) throw std::runtime_error(std::string("refused: ") + packet.getRefused().getMessage().cStr());
  return packet.getLaunched().getPid();
}

std::vector<std::string> ShimHarness::logged(const std::string& id) const {
  std::vector<std::string> all;
  std::stringstream log(readText(logDir(id) + "/log.1") + readText(logDir(id) + "/log"));
  for (std::string line; std::getline(log, line);) {
    auto entry = container::parseLogEntry(line);
    if (!entry) throw std::runtime_error("a line of the log does not parse: " + line);
    all.push_back((entry->stream == container::LogStream::OUT ? "o " : "e ") + std::string(entry->text));
  }
  return all;
}

bool ShimHarness::awaitLogged(const std::string& id, const std::string& line) const {
  return eventually([&]() {
    auto all = logged(id);
    return std::find(all.begin(), all.end(), line) != all.end();
  });
}

bool requireRootAndCgroups() {
  auto skip = [](const char* why) {
    printf("SKIP: %s\n", why);
    exit(77);
  };
  if (geteuid() != 0) skip("containers need root");
  if (!container::chooseCgroupLayout(readText("/proc/self/mountinfo"), readText)) {
    skip("no cgroup hierarchy with memory, cpu and pids is mounted");
  }
  kj::AutoCloseFd mounts(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (setns(mounts, CLONE_NEWNS) < 0) skip("namespaces are not permitted here");
  return true;
}

}  // namespace meridian::shim
