#include "actors/application/application-record.h"

#include <capnp/message.h>

#include <catch2/catch.hpp>

#include "tests/covers.h"
#include "tests/golden/golden-record.h"
#include "tests/memory-storage.h"

namespace meridian::application {
namespace {

using tests::MemoryStorage;

ConfigPtr sampleConfig(const std::string& className) {
  capnp::MallocMessageBuilder message;
  auto config = message.initRoot<schema::ApplicationConfig>();
  config.setName("shop");
  auto spec = config.initClasses(1)[0];
  spec.setClassName(className);
  spec.setImage("rootfs:/srv/image");
  spec.setMaxInstances(20);
  spec.setDefaultPort(8080);
  spec.initResources().setMemoryMib(256);
  auto route = config.initRoutes(1)[0];
  route.setPath("/box/:id/*");
  route.setClassName(className);
  return read(config.asReader());
}

std::vector<Phase> allPhases() {
  auto config = sampleConfig("Next");
  return {Settled{}, Claiming{config, Force::NO}, Retiring{config, Force::YES}, Configuring{}, Announcing{},
          Pushing{{"g1", "g2"}, instantFromNs(77)}, GivingBack{config, "class Next belongs to application game"},
          Restoring{"it is in use"}};
}

State sampleState(const Phase& phase) {
  State state{3, instantFromNs(55), sampleConfig("Box"), phase, instantFromNs(66)};
  if (std::holds_alternative<Settled>(phase)) state.retryAt.reset();
  return state;
}

MemoryStorage saved(const State& state) {
  MemoryStorage storage;
  save(storage, state);
  return storage;
}

TEST_CASE("an application that was never deployed has no record") {
  MemoryStorage storage;
  auto state = load(storage);
  CHECK(state.version == 0);
  CHECK(declaresNothing(*state.config));
  CHECK(std::holds_alternative<Settled>(state.phase));
}

TEST_CASE("an application's record loads as it was saved, in every phase") {
  auto phases = allPhases();
  REQUIRE(tests::coversAllAlternatives(phases));
  for (auto& phase: phases) {
    auto storage = saved(sampleState(phase));
    auto state = load(storage);
    CHECK(state.version == 3);
    CHECK(state.deployedAt == instantFromNs(55));
    CHECK(state.retryAt == sampleState(phase).retryAt);
    CHECK(state.phase.index() == phase.index());
    CHECK(state.config->classes.at(0).name == ClassName("Box"));
    // The rest: what is loaded is saved as the same bytes.
    CHECK(saved(state).entries == storage.entries);
  }
}

TEST_CASE("a deploy before the first has no config in force") {
  State state;
  state.phase = Claiming{sampleConfig("Box"), Force::NO};
  state.retryAt = instantFromNs(1);
  auto storage = saved(state);
  auto loaded = load(storage);
  CHECK(declaresNothing(*loaded.config));
  CHECK(std::get<Claiming>(loaded.phase).config->classes.size() == 1);
}

TEST_CASE("a config is read as far as it is decided on, and kept whole") {
  auto config = sampleConfig("Box");
  CHECK(config->name == "shop");
  auto& declaration = config->classes.at(0);
  CHECK(declaration.image == "rootfs:/srv/image");
  CHECK(declaration.maxInstances == 20);
  CHECK(declaration.defaultPort == 8080);
  CHECK(declaration.resources.memory == MemoryMib(256));
  CHECK(config->routes.at(0).path == "/box/:id/*");
  CHECK(config->routes.at(0).containerClass == ClassName("Box"));
  CHECK(!config->words.empty());
  CHECK(nothing("shop")->name == "shop");
  CHECK(declaresNothing(*nothing("shop")));
}

TEST_CASE("the application's records of the first release still load, and are still written so") {
  tests::Entries written;
  for (auto& phase: allPhases()) {
    written["phase/" + std::to_string(phase.index())] = saved(sampleState(phase)).entries.at("application");
  }
  auto golden = tests::goldenEntries("application-record-v1.txt", written);
  CHECK(golden == written);
  for (auto& [name, bytes]: golden) {
    MemoryStorage storage;
    storage.entries["application"] = bytes;
    CHECK("phase/" + std::to_string(load(storage).phase.index()) == name);
  }
}

}  // namespace
}  // namespace meridian::application
