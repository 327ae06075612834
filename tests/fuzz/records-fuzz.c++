// Stored records of every actor. An input chooses the actor, then gives its rows.
//
// What must hold: bytes that are no record are refused with an exception or a failed check, nothing worse; and a record that is taken is, written
// and read again, the same.
#include <kj/exception.h>

#include "actors/application/application-record.h"
#include "actors/class/class-record.h"
#include "actors/global/global-record.h"
#include "actors/location/location-record.h"
#include "actors/machine/machine-record.h"
#include "actors/supervisor/supervisor-record.h"
#include "runtime/base/check.h"
#include "tests/fuzz/input.h"
#include "tests/memory-storage.h"

namespace meridian::fuzz {
namespace {

// Whether the bytes are taken. What they are not is said by one of these two.
template <typename Read>
bool taken(Read read) {
  try {
    return kj::runCatchingExceptions(read) == nullptr;
  } catch (const CheckFailed&) {
    return false;
  }
}

template <typename Decode, typename Encode>
void roundTrip(std::string_view bytes, Decode decode, Encode encode) {
  if (!taken([&]() { decode(bytes); })) return;
  auto read = decode(bytes);
  require(decode(encode(read)) == read, "a record that is taken is the same again");
}

template <typename State>
using SaveAll = void (*)(actor::Storage& storage, const State& state);

template <typename State>
void roundTrip(tests::MemoryStorage& storage, State (*load)(actor::Storage&), SaveAll<State> save) {
  if (!taken([&]() { load(storage); })) return;
  auto state = load(storage);
  tests::MemoryStorage again;
  save(again, state);
  require(load(again) == state, "rows that are taken are the same again");
}

void saveAll(actor::Storage& storage, const location::State& state) {
  for (auto& [id, machine] : state.machines) location::save(storage, location::MachineSet{id, machine.capacity});
  for (auto& [container, reservation] : state.reservations) location::save(storage, location::ReservationSet{container, reservation});
  location::save(storage, location::SweepSet{state.sweep});
  location::save(storage, location::ReportSet{state.reportAt});
}

void saveAll(actor::Storage& storage, const container_class::State& state) {
  container_class::save(storage, container_class::OwnershipSet{state.ownership});
  for (auto& [id, permit] : state.permits) container_class::save(storage, container_class::PermitSet{id, permit});
  container_class::save(storage, container_class::SweepSet{state.sweep});
}

void saveAll(actor::Storage& storage, const global::State& state) {
  for (auto& [id, location] : state.locations) global::save(storage, global::LocationSet{id, location});
  for (auto& gateway : state.gateways) global::save(storage, global::GatewayAdded{gateway});
  for (auto& application : state.applications) global::save(storage, global::ApplicationAdded{application});
}

// An application's state has no comparison; its stored bytes have.
void applicationRecord(Input& input) {
  tests::MemoryStorage storage;
  storage.putBytes("application", input.rest());
  if (!taken([&]() { application::load(storage); })) return;
  tests::MemoryStorage again, third;
  application::save(again, application::load(storage));
  application::save(third, application::load(again));
  require(again.entries == third.entries, "an application that is taken is the same again");
}

// One piece a row; the keys are those that the actor itself uses.
tests::MemoryStorage rows(Input& input, std::initializer_list<const char*> keys) {
  tests::MemoryStorage storage;
  for (auto key : keys) {
    auto piece = input.piece();
    if (!piece.empty()) storage.putBytes(key, piece);
  }
  return storage;
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  using namespace meridian::fuzz;
  Input input(data, size);
  switch (input.below(7)) {
    case 0: roundTrip(input.rest(), supervisor::decode, supervisor::encode); break;
    case 1: roundTrip(input.rest(), machine::decodeRow, [](const machine::Row& row) { return machine::encode(row); }); break;
    case 2: roundTrip(input.rest(), machine::decodeLast, machine::encodeLast); break;
    case 3: {
      auto storage = rows(input, {"machine/m1", "machine/m2", "reservation/a/b", "reservation/a/c", "sweep", "report"});
      roundTrip<location::State>(storage, location::load, saveAll);
      break;
    }
    case 4: {
      auto storage = rows(input, {"class", "sweep", "permit/a", "permit/b"});
      roundTrip<container_class::State>(storage, container_class::load, saveAll);
      break;
    }
    case 5: {
      auto storage = rows(input, {"location/here", "location/there", "gateway/g", "application/a"});
      roundTrip<global::State>(storage, global::load, saveAll);
      break;
    }
    case 6: applicationRecord(input); break;
  }
  return 0;
}
