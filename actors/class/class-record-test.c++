#include "actors/class/class-record.h"

#include <capnp/message.h>

#include <catch2/catch.hpp>

#include "runtime/actor/vocabulary.h"
#include "tests/golden/golden-record.h"
#include "tests/memory-storage.h"

namespace meridian::container_class {
namespace {

using tests::MemoryStorage;

Spec sampleSpec() {
  capnp::MallocMessageBuilder message;
  auto spec = message.initRoot<schema::ClassSpec>();
  spec.setClassName("Sandbox");
  spec.setApplication("shop");
  spec.setVersion(3);
  spec.setImage("rootfs:/srv/image");
  spec.setMaxInstances(20);
  spec.setSleepAfterMs(600'000);
  spec.initEntrypoint(2).set(0, "/bin/server");
  return read(spec);
}

State sampleState() {
  return {Configured{sampleSpec()},
          {{"alice", {Generation(1), instantFromNs(100)}}, {"bob.1", {Generation(7), instantFromNs(-5)}}},
          PermitSweep{instantFromNs(900), "alice"}};
}

void saveAll(actor::Storage& storage, const State& state) {
  save(storage, OwnershipSet{state.ownership});
  save(storage, SweepSet{state.sweep});
  for (auto& [id, permit]: state.permits) save(storage, PermitSet{id, permit});
}

State roundTrip(const State& state) {
  MemoryStorage storage;
  saveAll(storage, state);
  return load(storage);
}

TEST_CASE("every shape of a class's record loads as it was saved") {
  CHECK(roundTrip({}) == State{});
  CHECK(roundTrip({Claimed{"shop"}, {}, {}}) == State{Claimed{"shop"}, {}, {}});
  CHECK(roundTrip({Unclaimed{}, {}, PermitSweep{instantFromNs(1), {}}}) ==
        State{Unclaimed{}, {}, PermitSweep{instantFromNs(1), {}}});
  CHECK(roundTrip(sampleState()) == sampleState());
}

TEST_CASE("what a change takes away is gone from the class's record") {
  MemoryStorage storage;
  saveAll(storage, sampleState());
  save(storage, OwnershipSet{Unclaimed{}});
  save(storage, SweepSet{std::nullopt});
  save(storage, PermitErased{"alice"});
  save(storage, PermitErased{"bob.1"});
  CHECK(storage.entries.empty());
}

TEST_CASE("a spec gives back all that was declared") {
  auto spec = sampleSpec();
  CHECK(spec.application == "shop");
  CHECK(spec.version == 3);
  CHECK(spec.maxInstances == 20);
  bool read = false;
  actor::inflate<schema::ClassSpec>(spec.words, [&](schema::ClassSpec::Reader reader) {
    read = reader.getImage() == "rootfs:/srv/image" && reader.getSleepAfterMs() == 600'000 && reader.getEntrypoint()[0] == "/bin/server";
  });
  CHECK(read);
}

TEST_CASE("the class's record of the first release still loads, and is still written so") {
  MemoryStorage storage;
  saveAll(storage, sampleState());
  auto golden = tests::goldenEntries("class-record-v1.txt", storage.entries);
  CHECK(golden == storage.entries);
  storage.entries = golden;
  CHECK(load(storage) == sampleState());
}

}  // namespace
}  // namespace meridian::container_class
