#include "runtime/cli/config.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

#include "runtime/cli/config-codec.h"
#include "runtime/cli/config-value.h"

namespace meridian::cli {

using namespace std::chrono_literals;

namespace {

ApplicationConfig parse(const std::string& text) { return parseConfig(text, "m.jsonc", "/app"); }

// A configuration whose one class has, from line 4 on, these members.
std::string withClass(const std::string& members, const std::string& routes = "") {
  return "{\n  \"name\": \"shop\",\n  \"containers\": [{ \"class_name\": \"Box\", \"image\": \"rootfs:root\"\n" +
         members + "\n}],\n" + routes + "}\n";
}

std::string withRoute(const std::string& route) {
  return withClass(", \"default_port\": 80", "\"routes\": [" + route + "]");
}

std::string errorOf(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a configuration with comments and trailing commas is read whole") {
  auto config = parse(R"({
    // the application
    "name": "shop", /* over
    two lines */
    "containers": [
      {
        "class_name": "Sandbox",
        "image": "oci:images/box:v1.2",
        "instance_type": { "vcpu": 0.0625, "memory_mib": 96, "disk_mb": 300, },
        "max_instances": 500,
        "default_port": 8080,
        "required_ports": [8080, 9090,],
        "sleep_after": "1500ms",
        "entrypoint": ["/bin/serve", "--url=http://x/*y*/,]"],
        "env": { "MODE": "a // b", "EMPTY": "", },
        "user": "1000:100",
        "restart": "on-failure",
        "stop_grace": 2.5,
        "start_timeout": 3,
      },
    ],
    "routes": [{ "path": "/sandbox/:id/*", "class": "Sandbox" },],
  })");
  CHECK(config.name == "shop");
  REQUIRE(config.classes.size() == 1);
  const auto& box = config.classes[0];
  CHECK(box.className == ClassName("Sandbox"));
  CHECK(box.image == "oci:/app/images/box:v1.2");
  CHECK(box.resources == Resources{MicroCpu(62'500), MemoryMib(96), DiskMb(300)});
  CHECK(box.maxInstances == 500);
  CHECK(box.defaultPort == 8080);
  CHECK(box.requiredPorts == std::vector<uint16_t>{8080, 9090});
  CHECK(box.sleepAfter == 1500ms);
  CHECK(box.entrypoint == std::vector<std::string>{"/bin/serve", "--url=http://x/*y*/,]"});
  CHECK(box.env == std::vector<std::pair<std::string, std::string>>{{"MODE", "a // b"}, {"EMPTY", ""}});
  CHECK(box.user == "1000:100");
  CHECK(box.restart == RestartPolicy::ON_FAILURE);
  CHECK(box.stopGrace == 2500ms);
  CHECK(box.startTimeout == 3s);
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].path == "/sandbox/:id/*");
  CHECK(config.routes[0].className == ClassName("Sandbox"));
}

TEST_CASE("what a class leaves out has a default") {
  auto box = parse(withClass("")).classes.at(0);
  CHECK(box.resources == Resources{MicroCpu(62'500), MemoryMib(256), DiskMb(2000)});
  CHECK(box.maxInstances == 20);
  CHECK(!box.defaultPort);
  CHECK(box.requiredPorts.empty());
  CHECK(box.sleepAfter == 10min);
  CHECK(box.entrypoint.empty());
  CHECK(box.restart == RestartPolicy::NEVER);
  CHECK(!box.stopGrace);
  CHECK(box.startTimeout == 30s);
}

TEST_CASE("each named instance type has its size") {
  auto sizeOf = [](const std::string& name) {
    return parse(withClass(", \"instance_type\": \"" + name + "\"")).classes.at(0).resources;
  };
  auto size = [](uint64_t cpuMicro, uint64_t memoryMib, uint64_t diskMb) {
    return Resources{MicroCpu(cpuMicro), MemoryMib(memoryMib), DiskMb(diskMb)};
  };
  CHECK(sizeOf("lite") == size(62'500, 256, 2'000));
  CHECK(sizeOf("dev") == size(62'500, 256, 2'000));
  CHECK(sizeOf("basic") == size(250'000, 1'024, 4'000));
  CHECK(sizeOf("standard") == size(500'000, 4'096, 4'000));
  CHECK(sizeOf("standard-1") == size(500'000, 4'096, 8'000));
  CHECK(sizeOf("standard-2") == size(1'000'000, 6'144, 12'000));
  CHECK(sizeOf("standard-3") == size(2'000'000, 8'192, 16'000));
  CHECK(sizeOf("standard-4") == size(4'000'000, 12'288, 20'000));
}

TEST_CASE("image folders are absolute after reading") {
  auto imageOf = [](const std::string& image) {
    return parse("{\"name\": \"a\", \"containers\": [{\"class_name\": \"B\", \"image\": \"" + image +
                 "\"}]}").classes.at(0).image;
  };
  CHECK(imageOf("rootfs:/srv/root") == "rootfs:/srv/root");
  CHECK(imageOf("rootfs:../root") == "rootfs:/root");
  CHECK(imageOf("oci:layout") == "oci:/app/layout");
  CHECK(imageOf("oci:/a:b/layout") == "oci:/a:b/layout");
  CHECK(imageOf("oci:/a:b/layout:latest") == "oci:/a:b/layout:latest");
}

TEST_CASE("durations are a whole number with a unit, or seconds") {
  auto sleepAfter = [](const std::string& value) {
    return parse(withClass(", \"sleep_after\": " + value)).classes.at(0).sleepAfter;
  };
  CHECK(sleepAfter("\"250ms\"") == 250ms);
  CHECK(sleepAfter("\"90s\"") == 90s);
  CHECK(sleepAfter("\"10m\"") == 10min);
  CHECK(sleepAfter("\"2h\"") == 2h);
  CHECK(sleepAfter("7") == 7s);
  CHECK(sleepAfter("0.25") == 250ms);
}

TEST_CASE("an error names file, line, key, value and what is allowed") {
  struct Row {
    std::string text;
    std::string error;
  };
  const std::string KEYS =
      "class_name, image, instance_type, max_instances, default_port, required_ports, sleep_after, "
      "entrypoint, env, user, restart, stop_grace, start_timeout";
  const std::string DURATION =
      "a whole number with ms, s, m or h (\"90s\"), or a number of seconds; ";
  const std::string NAME = "1 to 128 of [A-Za-z0-9._~-]";
  const std::string TYPES =
      "lite, dev, basic, standard, standard-1, standard-2, standard-3, standard-4, or { vcpu, "
      "memory_mib, disk_mb }";
  const std::string ROUTE =
      "/ and segments of [A-Za-z0-9._~-], one of them :id, at the end also *, as /sandbox/:id/*";
  const Row ROWS[] = {
      {"", "m.jsonc:1: not valid JSON: syntax error while parsing value - unexpected end of input; "
           "expected '[', '{', or a literal"},
      {"[]", "m.jsonc:1: must be an object, is an array ([]); allowed: an object with name, containers, "
             "routes"},
      {"{\n/* never ends", "m.jsonc:2: the comment /* does not end"},
      {"{\"name\": \"a\",\n \"containers\": [],\n \"name\": \"b\"}",
       "m.jsonc:3: duplicate key \"name\", first on line 1"},
      {"{\n\"containers\": []}", "m.jsonc:1: name: missing; allowed: " + NAME},
      {"{\n\"name\": \"a\"}", "m.jsonc:1: containers: missing; allowed: an array of at least one container class"},
      {"{\"name\": \"a\",\n\"containers\": []}",
       "m.jsonc:2: containers: declares nothing ([]); allowed: an array of at least one container class"},
      {"{\"name\": \"a\",\n\"containers\": [],\n\"vars\": {\"A\": 1}}",
       "m.jsonc:3: vars: unknown key ({\"A\":1}); allowed: name, containers, routes"},
      {"{\"name\": \"a b\",\n\"containers\": []}",
       "m.jsonc:1: name: not a valid name (\"a b\"); allowed: " + NAME},
      {"{\"name\": \"a\",\n\"containers\": [{\n\"class_name\": \"..\", \"image\": \"rootfs:x\"}]}",
       "m.jsonc:3: containers[0].class_name: not a valid name (\"..\"); allowed: " + NAME},
      {"{\"name\": \"a\",\n\"containers\": [\n{\"class_name\": \"A\"}]}",
       "m.jsonc:3: containers[0].image: missing; allowed: rootfs:DIR or oci:DIR[:tag]"},
      {"{\"name\": \"a\", \"containers\": [\n{\"class_name\": \"A\", \"image\": \"docker.io/x\"}]}",
       "m.jsonc:2: containers[0].image: not an image (\"docker.io/x\"); allowed: rootfs:DIR or "
       "oci:DIR[:tag]"},
      {"{\"name\": \"a\", \"containers\": [\n{\"class_name\": \"A\", \"image\": \"oci:x:-t\"}]}",
       "m.jsonc:2: containers[0].image: not a valid tag (\"oci:x:-t\"); allowed: rootfs:DIR or "
       "oci:DIR[:tag]"},
      {"{\"name\": \"a\", \"containers\": [{\"class_name\": \"A\", \"image\": \"rootfs:x\"},\n"
       "{\"class_name\": \"A\", \"image\": \"rootfs:x\"}]}",
       "m.jsonc:2: containers[1].class_name: duplicate class (\"A\"); allowed: each class once"},
      {withClass(", \"sleepAfter\": \"10m\""),
       "m.jsonc:4: containers[0].sleepAfter: unknown key (\"10m\"); allowed: " + KEYS},
      {withClass(", \"rollout_step_percentage\":\n 25"),
       "m.jsonc:4: containers[0].rollout_step_percentage: unknown key (25); allowed: " + KEYS},
      {withClass(", \"vcpu\": 1"), "m.jsonc:4: containers[0].vcpu: unknown key (1); allowed: " + KEYS},
      {withClass(", \"sleep_after\": \"10 min\""),
       "m.jsonc:4: containers[0].sleep_after: not a duration (\"10 min\"); allowed: " + DURATION +
           "1ms to 8760h"},
      {withClass(", \"sleep_after\": \"99999999999999999999h\""),
       "m.jsonc:4: containers[0].sleep_after: out of range (\"99999999999999999999h\"); allowed: " +
           DURATION + "1ms to 8760h"},
      {withClass(", \"sleep_after\": -1"),
       "m.jsonc:4: containers[0].sleep_after: out of range (-1); allowed: " + DURATION +
           "1ms to 8760h"},
      {withClass(", \"stop_grace\": true"),
       "m.jsonc:4: containers[0].stop_grace: must be a string or a number, is a boolean (true); "
       "allowed: " + DURATION + "0ms to 24h"},
      {withClass(", \"instance_type\": \"huge\""),
       "m.jsonc:4: containers[0].instance_type: unknown instance type (\"huge\"); allowed: " + TYPES},
      {withClass(", \"instance_type\": {\n\"vcpu\": 1, \"memory_mib\": 64}"),
       "m.jsonc:4: containers[0].instance_type.disk_mb: missing; allowed: { vcpu, memory_mib, "
       "disk_mb }"},
      {withClass(", \"instance_type\": {\n\"vcpu\": 0.001, \"memory_mib\": 64, \"disk_mb\": 64}"),
       "m.jsonc:5: containers[0].instance_type.vcpu: out of range (0.001); allowed: a number from "
       "0.01 to 1024"},
      {withClass(", \"instance_type\": {\"vcpu\": 1, \"memory_mib\": 64.5, \"disk_mb\": 64}"),
       "m.jsonc:4: containers[0].instance_type.memory_mib: is not a whole number in range (64.5); "
       "allowed: a whole number from 4 to 16777216 MiB"},
      {withClass(", \"max_instances\": 0"),
       "m.jsonc:4: containers[0].max_instances: out of range (0); allowed: a whole number from 1 to "
       "100000"},
      {withClass(",\n\"default_port\": 70000\n"),
       "m.jsonc:5: containers[0].default_port: out of range (70000); allowed: a whole number from 1 "
       "to 65535"},
      {withClass(", \"default_port\": \"80\""),
       "m.jsonc:4: containers[0].default_port: must be a number, is a string (\"80\"); allowed: a "
       "whole number from 1 to 65535"},
      {withClass(", \"required_ports\": [\n80,\n80\n]"),
       "m.jsonc:6: containers[0].required_ports[1]: duplicate port (80); allowed: each port once"},
      {withClass(", \"entrypoint\": \"/bin/sh -c x\""),
       "m.jsonc:4: containers[0].entrypoint: must be an array, is a string (\"/bin/sh -c x\"); allowed: "
       "an array of strings, the program first"},
      {withClass(", \"entrypoint\": []"),
       "m.jsonc:4: containers[0].entrypoint: names no program ([]); allowed: an array of strings, the "
       "program first"},
      {withClass(", \"env\": {\"N\":\n 1}"),
       "m.jsonc:5: containers[0].env.N: must be a string, is a number (1); allowed: a string"},
      {withClass(", \"env\": {\"MERIDIAN_ID\": \"x\"}"),
       "m.jsonc:4: containers[0].env.MERIDIAN_ID: set by the platform (\"x\"); allowed: other names"},
      {withClass(", \"env\": {\"A\": \"x\\u0000y\"}"),
       "m.jsonc:4: containers[0].env.A: has a NUL character (\"x\\u0000y\"); allowed: a string"},
      {withClass(", \"user\": \"a:b\""),
       "m.jsonc:4: containers[0].user: not a user (\"a:b\"); allowed: a name, a uid, or uid:gid"},
      {withClass(", \"user\": \"4294967295\""),
       "m.jsonc:4: containers[0].user: not a user (\"4294967295\"); allowed: a name, a uid, or uid:gid"},
      {withClass(", \"restart\": \"yes\""),
       "m.jsonc:4: containers[0].restart: unknown restart policy (\"yes\"); allowed: never, "
       "on-failure, always"},
      {withRoute("{\"path\": \"/x/:id\", \"class\": \"Bax\"}"),
       "m.jsonc:6: routes[0].class: unknown class (\"Bax\"); allowed: Box"},
      {withRoute("{\"path\": \"/x\", \"class\": \"Box\"}"),
       "m.jsonc:6: routes[0].path: not a route (\"/x\"); allowed: " + ROUTE},
  };
  for (const auto& row : ROWS) CHECK(errorOf(row.text) == row.error);
}

}  // namespace meridian::cli
