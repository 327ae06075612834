#include "runtime/container/shim/packet.h"

#include <catch2/catch.hpp>

#include <capnp/serialize.h>

#include <functional>

#include "runtime/base/random.h"

namespace meridian::shim {

namespace {

void fillLaunch(schema::Launch::Builder launch) {
  auto key = launch.initKey();
  key.initContainer().setClassName("Sandbox");
  key.getContainer().setId("alice");
  key.setGeneration(7);
  launch.initArgv(2).set(0, "/server");
  launch.getArgv().set(1, "--port=80");
  auto env = launch.initEnv(1);
  env[0].setName("NAME");
  env[0].setValue("a=b");
  launch.setUid(1000);
  launch.setGid(1001);
  launch.initGroups(1).set(0, 5);
  launch.setHostname("alice");
  launch.initLayers(2).set(0, "/images/top");
  launch.getLayers().set(1, "/images/base");
  launch.setWritable("/disks/7");
  launch.setCgroup("Sandbox-alice.7");
  launch.setCpuMicro(62'500);
  launch.setMemoryMib(256);
  launch.setPidsMax(1024);
  launch.setLogDir("/logs/alice");
  launch.setLogBytesMax(1 << 20);
  launch.setHosts("hosts");
  launch.setTag("tag");
}

kj::Array<capnp::word> packet(const std::function<void(schema::ToShim::Builder)>& fill) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::ToShim>();
  root.setId(9);
  fill(root);
  return capnp::messageToFlatArray(message);
}

Launch decodeLaunch(const std::function<void(schema::Launch::Builder)>& change) {
  auto words = packet([&](auto request) {
    auto launch = request.initLaunch();
    fillLaunch(launch);
    change(launch);
  });
  return std::get<Launch>(decode(words.asBytes()).command);
}

std::string whyRefused(const std::function<void(schema::Launch::Builder)>& change) {
  try {
    decodeLaunch(change);
  } catch (const BadRequest& error) {
    CHECK(error.id == 9);
    return error.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("a launch is read with all its fields") {
  auto launch = decodeLaunch([](auto) {});
  CHECK(toText(launch.key) == "Sandbox/alice#7");
  CHECK(launch.program.argv == std::vector<std::string>{"/server", "--port=80"});
  CHECK(launch.program.env == std::vector<std::string>{"NAME=a=b",
                                                       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                                       "HOME=/"});
  CHECK(launch.program.uid == 1000);
  CHECK(launch.program.gid == 1001);
  CHECK(launch.program.groups == std::vector<gid_t>{5});
  CHECK(launch.program.workdir == "/");
  CHECK(launch.hostname == "alice");
  CHECK(launch.layers == std::vector<std::string>{"/images/top", "/images/base"});
  CHECK(launch.writable == "/disks/7");
  CHECK(launch.cgroup == "Sandbox-alice.7");
  CHECK(launch.limits.cpu == MicroCpu(62'500));
  CHECK(launch.limits.memory == MemoryMib(256));
  CHECK(launch.limits.pids == 1024);
  CHECK(launch.logDir == "/logs/alice");
  CHECK(launch.logBytesMax == 1 << 20);
  CHECK(launch.resolvConf.empty());
  CHECK(launch.hosts == "hosts");
  CHECK(launch.tag == "tag");
}

TEST_CASE("PATH and HOME that are given are kept") {
  auto launch = decodeLaunch([](auto launch) {
    launch.setUid(0);
    auto env = launch.initEnv(2);
    env[0].setName("PATH");
    env[0].setValue("/p");
    env[1].setName("HOMES");
  });
  CHECK(launch.program.env == std::vector<std::string>{"PATH=/p", "HOMES=", "HOME=/root"});
}

TEST_CASE("each bad field is refused by its name") {
  using L = schema::Launch::Builder;
  CHECK(whyRefused([](L launch) { launch.getKey().setGeneration(0); }) == "key.generation is 0; at least 1");
  CHECK(whyRefused([](L launch) { launch.getKey().getContainer().setId(""); }) ==
        "key.container.id has 0 bytes; allowed are 1 to 256");
  CHECK(whyRefused([](L launch) { launch.initArgv(0); }) == "argv names no program");
  CHECK(whyRefused([](L launch) { launch.getArgv().set(1, kj::StringPtr("a\0b", 3)); }) == "argv holds a zero byte");
  CHECK(whyRefused([](L launch) { launch.getEnv()[0].setName("A=B"); }) ==
        "env.name is \"A=B\"; it must not be empty nor hold '='");
  CHECK(whyRefused([](L launch) { launch.setUid(UINT32_MAX); }) ==
        "uid is 4294967295, which the kernel takes for \"no change\"");
  CHECK(whyRefused([](L launch) { launch.initGroups(65); }) == "groups has 65 entries; at most 64");
  CHECK(whyRefused([](L launch) { launch.setWorkdir("here"); }) == "workdir is \"here\"; it must be an absolute path");
  CHECK(whyRefused([](L launch) { launch.setHostname(std::string(64, 'h')); }) ==
        "hostname has 64 bytes; allowed are 1 to 63");
  CHECK(whyRefused([](L launch) { launch.initLayers(0); }) == "layers is empty; an image has at least one");
  CHECK(whyRefused([](L launch) { launch.setWritable("disk"); }) == "writable is \"disk\"; it must be an absolute path");
  for (auto cgroup : {".", "..", ".hidden", "a/b", "a b", "\xc3\xa4"}) {
    CHECK(whyRefused([&](L launch) { launch.setCgroup(cgroup); }).starts_with("cgroup is \""));
  }
  CHECK(whyRefused([](L launch) { launch.setCpuMicro(0); }) == "cpuMicro is 0; at least 1");
  CHECK(whyRefused([](L launch) { launch.setMemoryMib(0); }) == "memoryMib is 0; at least 1");
  CHECK(whyRefused([](L launch) { launch.setPidsMax(0); }) == "pidsMax is 0; at least 1");
  CHECK(whyRefused([](L launch) { launch.setLogBytesMax(100); }) == "logBytesMax is 100; at least 16448");
  CHECK(whyRefused([](L launch) { launch.setTag(std::string(4097, 't')); }) ==
        "tag has 4097 bytes; allowed are 0 to 4096");
}

TEST_CASE("signals that cannot be sent are refused") {
  auto why = [](int number) -> std::string {
    auto words = packet([&](auto request) { request.initSignal().setNumber(number); });
    try {
      decode(words.asBytes());
    } catch (const BadRequest& error) {
      return error.what();
    }
    return "taken";
  };
  CHECK(why(0) == "signal number is 0; allowed are 1 to 64");
  CHECK(why(65) == "signal number is 65; allowed are 1 to 64");
  CHECK(why(19) == "SIGSTOP cannot be passed on to an instance");
}

TEST_CASE("a packet without an id, or that is none, is refused with id 0") {
  auto id = [](kj::ArrayPtr<const kj::byte> bytes) {
    try {
      decode(bytes);
    } catch (const BadRequest& error) {
      return error.id;
    }
    return uint64_t{99};
  };
  auto words = packet([](auto request) { request.setId(0); });
  CHECK(id(words.asBytes()) == 0);
  CHECK(id(words.asBytes().slice(0, words.asBytes().size() - 1)) == 0);
  CHECK(id(nullptr) == 0);
}

TEST_CASE("a packet with random damage is read or refused, never anything else") {
  auto words = packet([](auto request) { fillLaunch(request.initLaunch()); });
  Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = kj::heapArray(words.asBytes());
    for (uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
      damaged[random.below(damaged.size())] ^= 1 << random.below(8);
    }
    auto size = random.below(8) == 0 ? random.below(damaged.size()) : damaged.size();
    try {
      decode(damaged.slice(0, size));
    } catch (const BadRequest&) {
    }
  }
  SUCCEED();
}

TEST_CASE("an exit record is read as it was written") {
  ExitRecord record{.number = 12,
                    .key = {{ClassName("Sandbox"), "alice"}, Generation(7)},
                    .ending = {.signal = 9},
                    .oomKilled = true,
                    .killed = true,
                    .at = instantFromNs(5),
                    .tag = "tag"};
  for (auto ending : {Ending{.signal = 9}, Ending{.code = 0}}) {
    record.ending = ending;
    capnp::MallocMessageBuilder message;
    encode(record, message.initRoot<schema::ExitRecord>());
    CHECK(decode(message.getRoot<schema::ExitRecord>().asReader()) == record);
  }
}

TEST_CASE("a list goes out in packets below the limit, even if it is empty") {
  CHECK(encodeExits(1, {}).size() == 1);
  ExitRecord record{.key = {{ClassName("Sandbox"), std::string(256, 'i')}, Generation(7)}, .tag = std::string(4096, 't')};
  auto packets = encodeExits(1, std::vector<ExitRecord>(100, record));
  CHECK(packets.size() > 5);
  for (auto& packet : packets) CHECK(packet.size() <= PACKET_MAX);
}

}  // namespace meridian::shim
