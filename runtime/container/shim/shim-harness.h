// For tests that run the real shim: a temporary folder with an image and disks, the shim as a child process, and a client
// that speaks its protocol. All of it is gone when a harness goes, also after a failed test.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <capnp/serialize.h>
#include <kj/io.h>

#include "runtime/container/shim/exit-record.h"
#include "schema/shim.capnp.h"

namespace meridian::shim {

// How long a test waits for what must come before it fails: no test waits that long to pass.
inline constexpr int PATIENCE_MS = 20'000;

// A packet of the shim.
class Received {
 public:
  explicit Received(kj::Array<capnp::word> words): words_(kj::mv(words)), reader_(words_) {}
  schema::FromShim::Reader get() { return reader_.getRoot<schema::FromShim>(); }

 private:
  kj::Array<capnp::word> words_;
  capnp::FlatArrayMessageReader reader_;
};
using FromShimPacket = std::unique_ptr<Received>;

// The key of class Sandbox in these tests.
void fillKey(schema::InstanceKey::Builder key, const std::string& id, uint64_t generation);

class ShimClient {
 public:
  // Connects; says hello unless told not to.
  enum class Greeting { HELLO, NONE };
  explicit ShimClient(const std::string& socketPath, Greeting greeting = Greeting::HELLO);

  // Sends a request and returns the answer of the same id; facts that come first are kept for nextFact().
  FromShimPacket call(const std::function<void(schema::ToShim::Builder)>& fill, std::vector<int> descriptors = {});
  uint64_t send(const std::function<void(schema::ToShim::Builder)>& fill, std::vector<int> descriptors = {});
  FromShimPacket answerTo(uint64_t id);

  FromShimPacket nextFact();
  // The next fact, which must be an exit.
  ExitRecord nextExit();
  // Throws when the connection is closed or nothing comes.
  FromShimPacket receive();
  void sendBytes(kj::ArrayPtr<const kj::byte> bytes);
  // Whether the shim has closed the connection; waits for that.
  bool isClosed();

 private:
  kj::AutoCloseFd socket_;
  uint64_t nextId_ = 1;
  std::deque<FromShimPacket> facts_;
};

class ShimHarness {
 public:
  ShimHarness();
  ~ShimHarness();
  KJ_DISALLOW_COPY(ShimHarness);

  const std::string& dir() const { return dir_; }
  std::string socketPath() const { return dir_ + "/shim/shim.sock"; }
  pid_t pid() const { return pid_; }
  int netns() const { return netns_; }

  void startShim();
  // Waits for its end and returns the wait status.
  int waitShim();
  void killShim();

  // A launch of the probe with a fresh disk; change what the test is about, then hand it to ShimClient::call.
  void fillLaunch(schema::Launch::Builder launch, const std::string& id, uint64_t generation,
                  const std::vector<std::string>& argv);
  using Change = std::function<void(schema::Launch::Builder)>;
  FromShimPacket launch(ShimClient& client, const std::string& id, uint64_t generation, const std::vector<std::string>& argv,
                  const Change& change = [](auto) {});
  // The launch must succeed; returns PID 1.
  pid_t start(ShimClient& client, const std::string& id, uint64_t generation, const std::vector<std::string>& argv,
              const Change& change = [](auto) {});

  // The texts in the ID's log, each with "o " or "e " before it.
  std::vector<std::string> logged(const std::string& id) const;
  bool awaitLogged(const std::string& id, const std::string& line) const;

  std::string logDir(const std::string& id) const { return dir_ + "/logs/" + id; }
  std::string cgroupOf(const std::string& id, uint64_t generation) const;

  // The folder of the instance's cgroup in the hierarchy of this controller.
  std::string cgroupFolder(const std::string& controller, const std::string& id, uint64_t generation) const;
  std::vector<std::string> cgroupsLeft() const;

 private:
  std::string dir_;
  pid_t pid_ = 0;
  kj::AutoCloseFd netns_;

  explicit ShimHarness(std::string dir): dir_(std::move(dir)) {}
};

std::string readText(const std::string& path);

// What the kernel says of a process group of tests that need root: prints why and ends with 77 if this is no place for them.
// Call it from a static initialiser, before any test runs.
bool requireRootAndCgroups();

// True once `holds` does; false if it still does not after PATIENCE_MS.
bool eventually(const std::function<bool()>& holds);

}  // namespace meridian::shim
