// What a test of the driver stands on: a state folder, the real shim, the sandbox image, and a
// Machine that writes down what it is told. As root, on the real kernel. Paths come from
// MERIDIAN_TEST_SHIM and MERIDIAN_TEST_ROOTFS, which meson sets.
#pragma once

#include <kj/async-io.h>

#include <string>
#include <vector>

#include "runtime/container/native-driver.h"
#include "runtime/container/root-test.h"

namespace meridian::container {

constexpr uint16_t SANDBOX_PORT = 8080;

class SandboxImages final: public env::Images {
 public:
  std::optional<env::Image> find(const std::string& imageId) override;
};

// "started", "ready 10.1.0.2", "exited exited 3"; each with its instance.
struct ToldFact {
  InstanceKey key;
  std::string what;
};

class RecordingMachine final: public schema::Machine::Server {
 public:
  explicit RecordingMachine(std::vector<ToldFact>& told, int failures)
      : told_(told), failures_(failures) {}

  kj::Promise<void> driverStarted(DriverStartedContext context) override;
  kj::Promise<void> driverReady(DriverReadyContext context) override;
  kj::Promise<void> driverExited(DriverExitedContext context) override;

 private:
  void record(schema::InstanceKey::Reader key, std::string what);

  std::vector<ToldFact>& told_;
  int failures_;  // so many calls fail first
};

InstanceKey keyOf(const std::string& id, uint64_t generation = 1);

// A spec of the sandbox class, small and quick to start.
void fillSpec(schema::LaunchSpec::Builder spec, const InstanceKey& key);

class DriverFixture {
 public:
  DriverFixture();
  ~DriverFixture();

  // Makes a driver on the state folder, in place of the one before, which dies as if the platform
  // was killed.
  void restart(int machineFailures = 0);

  schema::Driver::Client driver() { return driver_->client(); }
  NativeDriver& native() { return *driver_; }
  const std::string& folder() const { return state_.path(); }

  void launch(
      const InstanceKey& key,
      kj::FunctionParam<void(schema::LaunchSpec::Builder)> change = [](auto) {});
  void kill(const InstanceKey& key);

  // Turns the loop until the Machine was told something of the instance that begins so; fails after
  // 10 s.
  std::string waitFor(const InstanceKey& key, const std::string& what);
  std::vector<std::string> toldOf(const InstanceKey& key);

  // The body of the answer of the instance's server.
  std::string get(const InstanceKey& key, const std::string& path);
  std::string addressOf(const InstanceKey& key);

  void shutdown();

  // Found by the folder in its command line.
  pid_t shimPid() const;

  template <typename T>
  T wait(kj::Promise<T>&& promise) {
    return promise.wait(io.waitScope);
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();

 private:
  TemporaryState state_;
  SandboxImages images_;
  std::vector<ToldFact> told_;
  kj::Own<NativeDriver> driver_;
};

}  // namespace meridian::container
