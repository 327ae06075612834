#include "actors/location/location-record.h"

#include <catch2/catch.hpp>

#include "tests/golden/golden-record.h"
#include "tests/memory-storage.h"

namespace meridian::location {
namespace {

using tests::MemoryStorage;

const ContainerId ALICE{ClassName("Sandbox"), "alice"};
const ContainerId BOB{ClassName("Other"), "bob.1"};

Resources size(uint64_t cpuMicro, uint64_t memoryMib, uint64_t diskMb) {
  return {MicroCpu(cpuMicro), MemoryMib(memoryMib), DiskMb(diskMb)};
}

std::vector<Change> sampleChanges() {
  return {MachineSet{MachineId("m1"), size(4'000'000, 8'192, 100'000)}, MachineSet{MachineId("m2"), size(1, 2, 3)},
          ReservationSet{ALICE, {Generation(3), MachineId("m1"), size(62'500, 256, 2'000), instantFromNs(5)}},
          ReservationSet{BOB, {Generation(1), MachineId("m1"), size(250'000, 1'024, 4'000), instantFromNs(6)}},
          SweepSet{ReservationSweep{instantFromNs(70), ALICE}}, ReportSet{instantFromNs(80)}};
}

State sampleState() {
  State state;
  for (auto& change: sampleChanges()) location::apply(state, change);
  return state;
}

void saveAll(actor::Storage& storage, const std::vector<Change>& changes) {
  for (auto& change: changes) save(storage, change);
}

TEST_CASE("a location's record loads as it was saved, with the sums that are not stored") {
  MemoryStorage storage;
  CHECK(load(storage) == State{});
  saveAll(storage, sampleChanges());
  auto state = load(storage);
  CHECK(state == sampleState());
  CHECK(state.machines.at(MachineId("m1")).reserved == size(312'500, 1'280, 6'000));
  CHECK(state.sums.free == size(3'687'501, 6'914, 94'003));
}

TEST_CASE("what a change takes away is gone from the location's record") {
  MemoryStorage storage;
  saveAll(storage, sampleChanges());
  saveAll(storage, {ReservationErased{ALICE}, ReservationErased{BOB}, SweepSet{}, ReportSet{}});
  CHECK(storage.entries.size() == 2);
  CHECK(load(storage).sums.free == load(storage).sums.total);
}

TEST_CASE("a sweep at the start of a round loads as one") {
  MemoryStorage storage;
  save(storage, SweepSet{ReservationSweep{instantFromNs(70), std::nullopt}});
  CHECK(load(storage).sweep == ReservationSweep{instantFromNs(70), std::nullopt});
}

TEST_CASE("the location's record of the first release still loads, and is still written so") {
  MemoryStorage storage;
  saveAll(storage, sampleChanges());
  auto golden = tests::goldenEntries("location-record-v1.txt", storage.entries);
  CHECK(golden == storage.entries);
  storage.entries = golden;
  CHECK(load(storage) == sampleState());
}

}  // namespace
}  // namespace meridian::location
