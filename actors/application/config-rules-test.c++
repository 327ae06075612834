#include "actors/application/config-rules.h"

#include <catch2/catch.hpp>

namespace meridian::application {
namespace {

const ConfigLimits LIMITS{.classesMax = 3, .routesMax = 3, .pathMax = 40, .maxInstancesMax = 100, .wordsMax = 64};

ClassDeclaration box(const std::string& name) {
  return {ClassName(name), "rootfs:/srv/box", {MicroCpu(62'500), MemoryMib(256), DiskMb(2'000)}, 10, 8080};
}

Config good() {
  return {"shop", {box("Box"), box("Cart")}, {{"/box/:id/*", ClassName("Box")}, {"/a/b/:id", ClassName("Cart")}}, "words"};
}

template <typename Edit>
std::string after(Edit edit) {
  auto config = good();
  edit(config);
  return objection(config, "shop", LIMITS).value_or("");
}

std::string withPath(const std::string& path) {
  return after([&](Config& config) { config.routes[1].path = path; });
}

TEST_CASE("a config as users write it has nothing wrong") {
  CHECK(!objection(good(), "shop", LIMITS));
}

TEST_CASE("what is wrong with a config is said with field, value and what is allowed") {
  CHECK(after([](Config& config) { config.name = "game"; }) == "name: another application's (\"game\"); allowed: shop");
  CHECK(after([](Config& config) { config.classes.clear(); }) ==
        "classes: empty; allowed: at least one class (remove takes an application away)");
  CHECK(after([](Config& config) { config.classes.resize(4); }) == "classes: too many (\"4\"); allowed: at most 3");
  CHECK(after([](Config& config) { config.routes.resize(4); }) == "routes: too many (\"4\"); allowed: at most 3");
  CHECK(after([](Config& config) { config.words.resize(65); }) == "config: too large (\"65\"); allowed: at most 64 bytes");
  CHECK(after([](Config& config) { config.classes[1].name = ClassName("a/b"); }) ==
        "classes[1].className: not a name (\"a/b\"); allowed: 1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..");
  CHECK(after([](Config& config) { config.classes[1].name = ClassName("Box"); }) ==
        "classes[1].className: declared twice (\"Box\"); allowed: each class once");
  CHECK(after([](Config& config) { config.classes[0].image.clear(); }) ==
        "classes[0].image: missing (\"\"); allowed: rootfs:DIR or oci:DIR[:tag]");
  CHECK(after([](Config& config) { config.classes[0].resources.cpu = MicroCpu(0); }) ==
        "classes[0].resources.cpuMicro: too little (\"0\"); allowed: at least 1");
  CHECK(after([](Config& config) { config.classes[0].resources.memory = MemoryMib(0); }) ==
        "classes[0].resources.memoryMib: too little (\"0\"); allowed: at least 1");
  for (auto* count: {"0", "101"}) {
    CHECK(after([&](Config& config) { config.classes[0].maxInstances = static_cast<uint32_t>(std::stoul(count)); }) ==
          std::string("classes[0].maxInstances: out of range (\"") + count + "\"); allowed: 1 to 100");
  }
  CHECK(after([](Config& config) { config.routes[1].containerClass = ClassName("Bax"); }) ==
        "routes[1].className: not declared (\"Bax\"); allowed: a class of this application");
  CHECK(after([](Config& config) { config.classes[1].defaultPort = 0; }) ==
        "routes[1].className: has no port to send requests to (\"Cart\"); allowed: a class with defaultPort");
  CHECK(withPath("/box/:id/*") == "routes[1].path: declared twice (\"/box/:id/*\"); allowed: each path once");
}

TEST_CASE("an application needs a name that can name") {
  auto config = good();
  config.name = "a/b";
  CHECK(objection(config, "a/b", LIMITS) ==
        "name: not a name (\"a/b\"); allowed: 1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..");
}

TEST_CASE("a class without a port is fine as long as no route leads to it") {
  CHECK(after([](Config& config) {
    config.classes[1].defaultPort = 0;
    config.routes.pop_back();
  }) == "");
}

TEST_CASE("a route has literal segments, one :id, and perhaps a last *") {
  for (auto& path: {"/:id", "/:id/*", "/a/:id", "/a/b.c/:id/d~e/*"}) CHECK(withPath(path) == "");
  for (auto& path: {"", "/", ":id", "a/:id", "/a", "/a/*", "/:id/:id", "/*/:id", "/:id/", "//:id", "/:id/**", "/:name", "/./:id",
                    "/../:id", "/a b/:id", "/:id?x", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/:id"}) {
    CHECK(withPath(path).starts_with("routes[1].path: not a route (\"" + std::string(path)));
  }
}

TEST_CASE("a value that is shown is cut") {
  auto text = after([](Config& config) { config.name = std::string(5'000, 'x'); });
  CHECK(text.size() < 250);
}

}  // namespace
}  // namespace meridian::application
