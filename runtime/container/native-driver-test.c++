// The driver with the real shim and the sandbox image, end to end.
#include "runtime/container/native-driver.h"

#include <arpa/inet.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "runtime/actor/vocabulary.h"
#include "runtime/container/driver-fixture.h"
#include "runtime/container/fake-shim.h"

namespace meridian::container {
namespace {

// Collects what is written to it.
class CollectingSink final: public schema::ByteSink::Server {
 public:
  explicit CollectingSink(std::string& text): text_(text) {}

  kj::Promise<void> write(WriteContext context) override {
    auto bytes = context.getParams().getBytes();
    text_.append(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override {
    text_ += "<end>";
    return kj::READY_NOW;
  }

 private:
  std::string& text_;
};

class CollectingLog final: public schema::LogSink::Server {
 public:
  explicit CollectingLog(std::vector<std::string>& lines): lines_(lines) {}

  kj::Promise<void> write(WriteContext context) override {
    for (auto line: context.getParams().getLines()) {
      lines_.push_back(std::to_string(line.getGeneration()) + " " +
                       std::string(reinterpret_cast<const char*>(line.getText().begin()),
                                   line.getText().size()));
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override {
    lines_.push_back("<end>");
    return kj::READY_NOW;
  }

 private:
  std::vector<std::string>& lines_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an instance starts, is ready, answers, and knows who it is") {
  DriverFixture fixture;
  auto alice = keyOf("alice", 7);
  fixture.launch(alice);
  fixture.waitFor(alice, "ready");
  CHECK(fixture.toldOf(alice)[0] == "started");
  auto answer = fixture.get(alice, "/hello");
  CHECK(contains(
      answer,
      R"("id":"alice","class":"Sandbox","generation":7,"location":"here","path":"/hello","hostname":"alice")"));

  fixture.launch(alice);  // again: nothing happens
  CHECK(fixture.toldOf(alice).size() == 2);
  auto list = fixture.wait(fixture.driver().listRequest().send());
  REQUIRE(list.getInstances().size() == 1);
  CHECK(list.getInstances()[0].getReady());
  CHECK(actor::text(list.getInstances()[0].getHost()) == fixture.addressOf(alice));
}

TEST_CASE("an instance reaches neither the platform nor its peers nor the world") {
  DriverFixture fixture;
  auto alice = keyOf("alice"), bob = keyOf("bob");
  fixture.launch(alice);
  fixture.launch(bob);
  auto listener = fixture.wait(fixture.io.provider->getNetwork().parseAddress("0.0.0.0"))->listen();
  auto port = std::to_string(listener->getPort());
  auto address = fixture.addressOf(alice);
  auto gateway = address.substr(0, address.find('.', address.find('.') + 1)) + ".0.1";
  // The host itself does reach that port there.
  CHECK_NOTHROW(fixture.wait(
      fixture.wait(fixture.io.provider->getNetwork().parseAddress((gateway + ":" + port).c_str()))
          ->connect()));
  for (auto& to:
       {gateway + ":" + port, fixture.addressOf(bob) + ":8080", std::string("192.0.2.1:80")}) {
    INFO(to);
    CHECK(contains(fixture.get(alice, "/reach?to=" + to), R"("reached":false)"));
  }
  CHECK(contains(fixture.get(alice, "/reach?to=127.0.0.1:8080"), R"("reached":true)"));
}

TEST_CASE("a full disk is the instance's own") {
  DriverFixture fixture;
  auto alice = keyOf("alice"), bob = keyOf("bob");
  fixture.launch(alice);
  fixture.launch(bob);
  CHECK(contains(fixture.get(alice, "/fill?mib=100"), "No space left on device"));
  CHECK(contains(fixture.get(bob, "/fill?mib=10"), R"("written_mib":10,"error":"")"));
}

TEST_CASE("each end has its reason") {
  DriverFixture fixture;
  auto key = keyOf("alice");
  std::string expected;
  auto ask = [&](const char* path) {
    fixture.launch(key);
    fixture.waitFor(key, "ready");
    try {
      fixture.get(key, path);
    } catch (const kj::Exception&) {
      // The connection ends with the server.
    }
  };
  SECTION("exited") {
    ask("/exit?code=3");
    expected = "exited exited 3";
  }
  SECTION("signalled") {
    ask("/crash");
    expected = "exited signalled 6";
  }
  SECTION("out of memory") {
    ask("/alloc?mib=200");
    expected = "exited oom";
  }
  SECTION("killed") {
    fixture.launch(key);
    fixture.kill(key);
    expected = "exited signalled 9";
  }
  SECTION("asked to stop") {
    fixture.launch(key);
    fixture.waitFor(key, "ready");
    auto request = fixture.driver().signalRequest();
    actor::write(request.initKey(), key);
    request.setNumber(SIGTERM);
    fixture.wait(request.send().ignoreResult());
    expected = "exited exited 0";
  }
  SECTION("not ready in time") {
    fixture.launch(key, [](schema::LaunchSpec::Builder spec) {
      spec.getSpec().setDefaultPort(9999);
      spec.setTimeoutMs(100);
    });
    expected = "exited start-timeout";
  }
  SECTION("no such program") {
    fixture.launch(key, [](schema::LaunchSpec::Builder spec) {
      spec.getSpec().initEntrypoint(1).set(0, "/nothing");
    });
    expected = "exited exec-failed";
  }
  SECTION("no such user") {
    fixture.launch(key, [](schema::LaunchSpec::Builder spec) { spec.getSpec().setUser("nobody"); });
    expected = "exited exec-failed";
  }
  SECTION("no such image") {
    fixture.launch(key,
                   [](schema::LaunchSpec::Builder spec) { spec.getSpec().setImageId("other"); });
    expected = "exited image-failed";
  }
  CHECK(fixture.waitFor(key, "exited").starts_with(expected));
}

TEST_CASE("a Machine that does not answer is told again, in order") {
  DriverFixture fixture;
  fixture.restart(/* machineFailures */ 3);
  auto alice = keyOf("alice");
  fixture.launch(alice);
  fixture.waitFor(alice, "ready");
  fixture.kill(alice);
  fixture.waitFor(alice, "exited");
  auto told = fixture.toldOf(alice);
  REQUIRE(told.size() == 3);
  CHECK(told[0] == "started");
  CHECK(told[1].starts_with("ready"));
  CHECK(told[2].starts_with("exited"));
}

TEST_CASE("a restarted platform takes over what lives and learns what ended meanwhile") {
  DriverFixture fixture;
  auto alice = keyOf("alice"), bob = keyOf("bob");
  fixture.launch(alice);
  fixture.launch(bob);
  auto before = fixture.get(alice, "/");
  fixture.get(bob, "/");
  CHECK(contains(fixture.get(alice, "/fill?mib=1"), R"("error":"")"));
  // The server exits on its own after the driver is gone: nobody of the platform sees it happen.
  auto address = fixture.wait(
      fixture.io.provider->getNetwork().parseAddress(fixture.addressOf(bob).c_str(), SANDBOX_PORT));
  auto stream = fixture.wait(address->connect());
  fixture.restart();
  std::string request = "GET /exit?code=5 HTTP/1.1\r\nHost: test\r\n\r\n";
  fixture.wait(stream->write(request.data(), request.size()));
  CHECK(fixture.waitFor(bob, "exited") == "exited exited 5");
  CHECK(fixture.get(alice, "/") == before);
  CHECK(contains(fixture.get(alice, "/fill?mib=1"), R"("error":"")"));
}

TEST_CASE("when the shim dies its instances are told as ended, and the next ones start") {
  DriverFixture fixture;
  auto alice = keyOf("alice"), bob = keyOf("bob");
  fixture.launch(alice);
  fixture.waitFor(alice, "ready");
  REQUIRE(::kill(fixture.shimPid(), SIGKILL) == 0);
  CHECK(fixture.waitFor(alice, "exited") == "exited signalled 9");
  fixture.launch(bob);
  CHECK(contains(fixture.get(bob, "/"), R"("id":"bob")"));
}

TEST_CASE("exits are told until acknowledged, over restarts") {
  DriverFixture fixture;
  auto alice = keyOf("alice"), bob = keyOf("bob");
  fixture.launch(alice);
  fixture.launch(bob);
  fixture.kill(alice);
  fixture.kill(bob);
  fixture.waitFor(alice, "exited");
  fixture.waitFor(bob, "exited");
  auto acknowledge = fixture.driver().acknowledgeRequest();
  actor::write(acknowledge.initKey(), alice);
  fixture.wait(acknowledge.send().ignoreResult());
  fixture.restart();
  auto list = fixture.wait(fixture.driver().listRequest().send());
  std::vector<std::string> ids;
  for (auto instance: list.getInstances())
    ids.push_back(actor::text(instance.getKey().getContainer().getId()));
  CHECK(std::find(ids.begin(), ids.end(), "bob") != ids.end());
  CHECK(std::count_if(ids.begin(), ids.end(), [](auto& id) { return id == "alice"; }) <= 1);
}

TEST_CASE("exec has streams of its own, input, and an exit code") {
  DriverFixture fixture;
  auto alice = keyOf("alice");
  fixture.launch(alice);
  fixture.waitFor(alice, "ready");
  std::string output, errors;
  auto exec = [&](std::vector<std::string> argv) {
    auto request = fixture.driver().execRequest();
    actor::write(request.initKey(), alice);
    auto list = request.getRequest().initArgv(argv.size());
    for (size_t i = 0; i < argv.size(); i++) list.set(i, argv[i].c_str());
    request.getRequest().setStdout(kj::heap<CollectingSink>(output));
    request.getRequest().setStderr(kj::heap<CollectingSink>(errors));
    return fixture.wait(request.send()).getProcess();
  };
  SECTION("bytes go in and out, in order and whole") {
    auto process = exec({"/server", "cat"});
    auto sink = fixture.wait(process.stdinRequest().send()).getSink();
    std::string expected;
    for (int i = 0; i < 20; i++) {
      std::string chunk(50'000, static_cast<char>('a' + i));
      expected += chunk;
      auto write = sink.writeRequest();
      write.setBytes(kj::arrayPtr(reinterpret_cast<const kj::byte*>(chunk.data()), chunk.size()));
      fixture.wait(write.send());
    }
    fixture.wait(sink.endRequest().send().ignoreResult());
    auto exit = fixture.wait(process.waitRequest().send());
    CHECK(exit.getCode() == 0);
    CHECK(exit.getSignal() == -1);
    CHECK(output == expected + "<end>");
    CHECK(errors == "<end>");
  }
  SECTION("errors have their own stream, and the exit is told after them") {
    auto exit = fixture.wait(exec({"/server"}).waitRequest().send());
    CHECK(exit.getCode() == 1);
    CHECK(errors == "listen: Address already in use\n<end>");
  }
  SECTION("signals arrive") {
    auto process = exec({"/server", "cat"});
    auto signal = process.signalRequest();
    signal.setNumber(SIGTERM);
    fixture.wait(signal.send().ignoreResult());
    CHECK(fixture.wait(process.waitRequest().send()).getSignal() == SIGTERM);
  }
  SECTION("what cannot be run is said") { CHECK_THROWS_AS(exec({"/nothing"}), kj::Exception); }
}

TEST_CASE("logs are kept over generations, and followed") {
  DriverFixture fixture;
  auto first = keyOf("alice", 1), second = keyOf("alice", 2);
  fixture.launch(first);
  fixture.get(first, "/log?line=one");
  fixture.kill(first);
  fixture.waitFor(first, "exited");

  std::vector<std::string> lines;
  auto request = fixture.driver().logsRequest();
  actor::write(request.initContainer(), first.container);
  request.getRequest().setFollow(true);
  request.getRequest().setSink(kj::heap<CollectingLog>(lines));
  auto handle = fixture.wait(request.send());
  fixture.launch(second);
  fixture.get(second, "/log?line=two");
  auto has = [&](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  for (int i = 0; i < 10'000 && !has("2 two"); i++)
    fixture.wait(fixture.io.provider->getTimer().afterDelay(1 * kj::MILLISECONDS));
  CHECK(lines == std::vector<std::string>{"1 serving alice generation 1 on port 8080", "1 one",
                                          "2 serving alice generation 2 on port 8080", "2 two"});
  auto remove = fixture.driver().removeLogsRequest();
  actor::write(remove.initContainer(), first.container);
  fixture.wait(remove.send().ignoreResult());
  for (int i = 0; i < 10'000 && !has("<end>"); i++)
    fixture.wait(fixture.io.provider->getTimer().afterDelay(1 * kj::MILLISECONDS));
  CHECK(has("<end>"));
}

TEST_CASE("20 instances come and go and leave the machine as it was") {
  DriverFixture fixture;
  auto& folder = fixture.folder();
  auto idMark = "pid" + std::to_string(getpid()) + "-";  // cgroups have the ID in their names
  // The first start makes what stays while the platform runs: bridge, template, the shim's cgroups.
  auto cycle = [&](int i) {
    auto key = keyOf(idMark + std::to_string(i));
    fixture.launch(key);
    fixture.waitFor(key, "ready");
    fixture.kill(key);
    fixture.waitFor(key, "exited");
    auto acknowledge = fixture.driver().acknowledgeRequest();
    actor::write(acknowledge.initKey(), key);
    fixture.wait(acknowledge.send().ignoreResult());
    auto remove = fixture.driver().removeLogsRequest();
    actor::write(remove.initContainer(), key.container);
    fixture.wait(remove.send().ignoreResult());
  };
  auto mark = fixture.native().networkMark();
  auto settled = [&] {
    fixture.wait(fixture.native().drain());
    return measureFootprint(folder, mark, idMark);
  };
  cycle(0);
  auto before = settled();
  for (int i = 1; i <= 20; i++) cycle(i);
  CHECK(settled() == before);
}

TEST_CASE("after a shutdown nothing is left but the shim's folder") {
  DriverFixture fixture;
  auto mark = fixture.native().networkMark();
  auto id = "pid" + std::to_string(getpid());
  fixture.shutdown();
  auto before = measureFootprint(fixture.folder(), mark, id);
  fixture.restart();
  fixture.launch(keyOf(id));
  fixture.shutdown();
  auto after = measureFootprint(fixture.folder(), mark, id);
  CHECK(after.descriptors == before.descriptors);
  CHECK(after.threads == before.threads);
  CHECK(after.mounts == 0);
  CHECK(after.loopDevices == 0);
  CHECK(after.interfaces == 0);
  CHECK(after.cgroups == 0);
  CHECK_FALSE(std::filesystem::exists(fixture.folder() + "/run"));
}

TEST_CASE("how long a start takes", "[measure]") {
  DriverFixture fixture;
  constexpr int TIMES = 30;
  std::vector<double> launched, ready;
  for (int i = 0; i < TIMES; i++) {
    auto key = keyOf("id-" + std::to_string(i));
    fixture.wait(
        fixture.io.provider->getTimer().afterDelay(20 * kj::MILLISECONDS));  // the pools fill up
    auto start = std::chrono::steady_clock::now();
    auto since = [&] {
      return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
          .count();
    };
    fixture.launch(key);
    launched.push_back(since());
    fixture.waitFor(key, "ready");
    ready.push_back(since());
    fixture.kill(key);
    fixture.waitFor(key, "exited");
  }
  for (auto samples: {&launched, &ready})
    std::nth_element(samples->begin(), samples->begin() + TIMES / 2, samples->end());
  std::cout << "median launch to exec " << launched[TIMES / 2] << " ms, to ready "
            << ready[TIMES / 2] << " ms" << std::endl;
}

TEST_CASE("how much of a start is the driver's", "[measure]") {
  requireRoot();
  TemporaryState state;
  std::filesystem::create_directories(state.path() + "/shim");
  FakeShim shim(state.path() + "/shim", schema::SHIM_PROTOCOL_VERSION);  // answers at once
  auto io = kj::setupAsyncIo();
  SandboxImages images;
  constexpr int TIMES = 30;
  NativeDriver driver(*io.lowLevelProvider, io.unixEventPort, images,
                      {.stateFolder = state.path(), .shimBinary = "", .poolLevel = TIMES});
  driver.open().wait(io.waitScope);
  driver.prime(DiskMb(64));
  io.provider->getTimer().afterDelay(1 * kj::SECONDS).wait(io.waitScope);
  std::vector<double> launched;
  for (int i = 0; i < TIMES; i++) {
    capnp::MallocMessageBuilder message;
    auto spec = message.initRoot<schema::LaunchSpec>();
    fillSpec(spec, keyOf("id-" + std::to_string(i)));
    spec.getSpec().setDefaultPort(0);
    auto start = std::chrono::steady_clock::now();
    driver.launch(spec).wait(io.waitScope);
    launched.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(launched.begin(), launched.begin() + TIMES / 2, launched.end());
  std::cout << "median launch with a shim that answers at once " << launched[TIMES / 2] << " ms"
            << std::endl;
  driver.shutdown().wait(io.waitScope);
}

TEST_CASE("how many starts a second", "[measure]") {
  DriverFixture fixture;
  constexpr int TIMES = 100;
  auto start = std::chrono::steady_clock::now();
  auto launches = kj::heapArrayBuilder<kj::Promise<void>>(TIMES);
  for (int i = 0; i < TIMES; i++) {
    auto request = fixture.driver().launchRequest();
    fillSpec(request.initSpec(), keyOf("id-" + std::to_string(i)));
    launches.add(request.send().ignoreResult());
  }
  fixture.wait(kj::joinPromises(launches.finish()));
  for (int i = 0; i < TIMES; i++) fixture.waitFor(keyOf("id-" + std::to_string(i)), "ready");
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << TIMES / seconds << " cold starts a second" << std::endl;
}

}  // namespace
}  // namespace meridian::container
