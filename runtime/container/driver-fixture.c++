#include "runtime/container/driver-fixture.h"

#include <kj/debug.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/actor/vocabulary.h"

namespace meridian::container {

namespace {

constexpr auto PATIENCE = 10 * kj::SECONDS;

std::string fromEnvironment(const char* name) {
  auto value = getenv(name);
  KJ_REQUIRE(value != nullptr, "the test runs under meson, which sets this variable", name);
  return value;
}

std::string endingOf(const Exit& exit) {
  std::string text = std::string("exited ") + toText(exit.reason);
  if (exit.code) text += " " + std::to_string(*exit.code);
  if (exit.signal) text += " " + std::to_string(*exit.signal);
  return text;
}

}  // namespace

std::optional<env::Image> SandboxImages::find(const std::string& imageId) {
  if (imageId != "sandbox") return std::nullopt;
  return env::Image{.layers = {fromEnvironment("MERIDIAN_TEST_ROOTFS")}, .entrypoint = {"/server"}};
}

kj::Promise<void> RecordingMachine::driverStarted(DriverStartedContext context) {
  record(context.getParams().getKey(), "started");
  return kj::READY_NOW;
}

kj::Promise<void> RecordingMachine::driverReady(DriverReadyContext context) {
  record(context.getParams().getKey(), "ready " + actor::text(context.getParams().getHost()));
  return kj::READY_NOW;
}

kj::Promise<void> RecordingMachine::driverExited(DriverExitedContext context) {
  record(context.getParams().getKey(), endingOf(actor::read(context.getParams().getExit())));
  return kj::READY_NOW;
}

void RecordingMachine::record(schema::InstanceKey::Reader key, std::string what) {
  if (failures_-- > 0) kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "planned"));
  told_.push_back({actor::read(key), std::move(what)});
}

InstanceKey keyOf(const std::string& id, uint64_t generation) {
  return {{ClassName("Sandbox"), id}, Generation(generation)};
}

void fillSpec(schema::LaunchSpec::Builder to, const InstanceKey& key) {
  actor::write(to.initKey(), key);
  to.setLocation("here");
  to.setTimeoutMs(10'000);
  auto spec = to.initSpec();
  spec.setImageId("sandbox");
  spec.setDefaultPort(SANDBOX_PORT);
  auto resources = spec.initResources();
  resources.setCpuMicro(1'000'000);
  resources.setMemoryMib(64);
  resources.setDiskMb(64);
}

DriverFixture::DriverFixture() {
  requireRoot();
  restart();
}

DriverFixture::~DriverFixture() {
  if (driver_.get() != nullptr) shutdown();
}

void DriverFixture::restart(int machineFailures) {
  driver_ = nullptr;
  driver_ =
      kj::heap<NativeDriver>(*io.lowLevelProvider, io.unixEventPort, images_,
                             DriverOptions{.stateFolder = state_.path(),
                                           .shimBinary = fromEnvironment("MERIDIAN_TEST_SHIM"),
                                           .poolLevel = 2,
                                           .workerThreads = 2});
  wait(driver_->open());
  driver_->setMachine(kj::heap<RecordingMachine>(told_, machineFailures));
}

void DriverFixture::launch(const InstanceKey& key,
                           kj::FunctionParam<void(schema::LaunchSpec::Builder)> change) {
  auto request = driver().launchRequest();
  fillSpec(request.initSpec(), key);
  change(request.getSpec());
  wait(request.send().ignoreResult());
}

void DriverFixture::kill(const InstanceKey& key) {
  auto request = driver().killRequest();
  actor::write(request.initKey(), key);
  wait(request.send().ignoreResult());
}

std::string DriverFixture::waitFor(const InstanceKey& key, const std::string& what) {
  auto& timer = io.provider->getTimer();
  auto deadline = timer.now() + PATIENCE;
  for (;;) {
    for (auto& fact: told_) {
      if (fact.key == key && fact.what.starts_with(what)) return fact.what;
    }
    KJ_REQUIRE(timer.now() < deadline, "the Machine was not told", toText(key).c_str(),
               what.c_str());
    wait(timer.afterDelay(1 * kj::MILLISECONDS));
  }
}

std::vector<std::string> DriverFixture::toldOf(const InstanceKey& key) {
  std::vector<std::string> facts;
  for (auto& fact: told_) {
    if (fact.key == key) facts.push_back(fact.what);
  }
  return facts;
}

std::string DriverFixture::get(const InstanceKey& key, const std::string& path) {
  auto address = wait(io.provider->getNetwork().parseAddress(addressOf(key).c_str(), SANDBOX_PORT));
  auto stream = wait(address->connect());
  auto request = "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
  wait(stream->write(request.data(), request.size()));
  std::string answer = wait(stream->readAllText()).cStr();
  auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

std::string DriverFixture::addressOf(const InstanceKey& key) {
  return waitFor(key, "ready ").substr(6);
}

pid_t DriverFixture::shimPid() const {
  for (auto& entry: std::filesystem::directory_iterator("/proc")) {
    auto pid = atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "cmdline");
    std::string commandLine{std::istreambuf_iterator<char>(file), {}};
    if (pid != 0 && commandLine.find(state_.path() + "/shim") != std::string::npos) return pid;
  }
  KJ_FAIL_REQUIRE("no shim runs");
}

void DriverFixture::shutdown() {
  wait(driver_->shutdown());
  driver_ = nullptr;
}

}  // namespace meridian::container
