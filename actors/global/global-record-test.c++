#include "actors/global/global-record.h"

#include <catch2/catch.hpp>

#include "tests/golden/golden-record.h"
#include "tests/memory-storage.h"

namespace meridian::global {
namespace {

using tests::MemoryStorage;

std::vector<Change> sampleChanges() {
  Resources total{MicroCpu(4'000'000), MemoryMib(8'192), DiskMb(100'000)};
  Resources free{MicroCpu(250'000), MemoryMib(256), DiskMb(0)};
  return {LocationSet{LocationId("ams"), {total, free, instantFromNs(5)}}, LocationSet{LocationId("nrt"), {total, total, instantFromNs(6)}},
          GatewayAdded{GatewayId("g1")}, GatewayAdded{GatewayId("g2")}, ApplicationAdded{"shop"}, ApplicationAdded{"game"}};
}

void saveAll(actor::Storage& storage, const std::vector<Change>& changes) {
  for (auto& change: changes) save(storage, change);
}

State sampleState() {
  State state;
  for (auto& change: sampleChanges()) global::apply(state, change);
  return state;
}

TEST_CASE("the global record loads as it was saved") {
  MemoryStorage storage;
  CHECK(load(storage) == State{});
  saveAll(storage, sampleChanges());
  CHECK(load(storage) == sampleState());
}

TEST_CASE("an application that is removed is gone from the global record") {
  MemoryStorage storage;
  saveAll(storage, {ApplicationAdded{"shop"}, ApplicationRemoved{"shop"}});
  CHECK(storage.entries.empty());
}

TEST_CASE("the global record of the first release still loads, and is still written so") {
  MemoryStorage storage;
  saveAll(storage, sampleChanges());
  auto golden = tests::goldenEntries("global-record-v1.txt", storage.entries);
  CHECK(golden == storage.entries);
  storage.entries = golden;
  CHECK(load(storage) == sampleState());
}

}  // namespace
}  // namespace meridian::global
