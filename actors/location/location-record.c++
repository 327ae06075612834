#include "actors/location/location-record.h"

#include <capnp/message.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::location {

namespace {

constexpr std::string_view MACHINE_PREFIX = "machine/";
constexpr std::string_view RESERVATION_PREFIX = "reservation/";
constexpr std::string_view SWEEP_KEY = "sweep";
constexpr std::string_view REPORT_KEY = "report";

std::string machineKey(const MachineId& id) { return std::string(MACHINE_PREFIX) + id.value(); }
std::string reservationKey(const ContainerId& container) { return std::string(RESERVATION_PREFIX) + toText(container); }

std::string encode(const MachineSet& set) {
  capnp::MallocMessageBuilder message;
  write(message.initRoot<schema::MachineRow>(), set.machine, set.capacity);
  return actor::seal(message);
}

std::string encode(const ReservationSet& set) {
  capnp::MallocMessageBuilder message;
  write(message.initRoot<schema::Reservation>(), set.container, set.reservation);
  return actor::seal(message);
}

std::string encode(const ReservationSweep& sweep) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::ReservationSweepRow>();
  row.setAtNs(toNs(sweep.at));
  if (sweep.after) actor::write(row.initAfter(), *sweep.after);
  return actor::seal(message);
}

std::string encode(Instant reportAt) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::ReportRow>().setAtNs(toNs(reportAt));
  return actor::seal(message);
}

MachineSet decodeMachine(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto row = opened->get<schema::MachineRow>();
  return {MachineId(actor::text(row.getMachine())), actor::read(row.getCapacity())};
}

ReservationSet decodeReservation(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto row = opened->get<schema::Reservation>();
  auto instance = actor::read(row.getInstance());
  return {instance.container,
          {instance.generation, MachineId(actor::text(row.getMachine())), actor::read(row.getNeed()), instantFromNs(row.getAtNs())}};
}

ReservationSweep decodeSweep(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto row = opened->get<schema::ReservationSweepRow>();
  ReservationSweep sweep{instantFromNs(row.getAtNs()), std::nullopt};
  if (row.hasAfter()) sweep.after = actor::read(row.getAfter());
  return sweep;
}

Instant decodeReport(std::string_view bytes) {
  return instantFromNs(actor::open(bytes)->get<schema::ReportRow>().getAtNs());
}

template <typename Row>
void putOrErase(actor::Storage& storage, std::string_view key, const std::optional<Row>& row) {
  if (row) {
    storage.putBytes(key, encode(*row));
  } else {
    storage.erase(key);
  }
}

}  // namespace

State load(actor::Storage& storage) {
  State state;
  for (auto& entry: storage.list({.prefix = std::string(MACHINE_PREFIX)})) apply(state, decodeMachine(entry.value));
  for (auto& entry: storage.list({.prefix = std::string(RESERVATION_PREFIX)})) apply(state, decodeReservation(entry.value));
  if (auto bytes = storage.getBytes(SWEEP_KEY)) state.sweep = decodeSweep(*bytes);
  if (auto bytes = storage.getBytes(REPORT_KEY)) state.reportAt = decodeReport(*bytes);
  return state;
}

void save(actor::Storage& storage, const Change& change) {
  std::visit(Match{
      [&](const MachineSet& set) { storage.putBytes(machineKey(set.machine), encode(set)); },
      [&](const ReservationSet& set) { storage.putBytes(reservationKey(set.container), encode(set)); },
      [&](const ReservationErased& erased) { storage.erase(reservationKey(erased.container)); },
      [&](const SweepSet& set) { putOrErase(storage, SWEEP_KEY, set.sweep); },
      [&](const ReportSet& set) { putOrErase(storage, REPORT_KEY, set.at); },
  }, change);
}

void write(schema::MachineRow::Builder to, const MachineId& id, const Resources& capacity) {
  to.setMachine(id.value());
  actor::write(to.initCapacity(), capacity);
}

void write(schema::Reservation::Builder to, const ContainerId& container, const Reservation& reservation) {
  actor::write(to.initInstance(), InstanceKey{container, reservation.generation});
  to.setMachine(reservation.machine.value());
  actor::write(to.initNeed(), reservation.need);
  to.setAtNs(toNs(reservation.at));
}

}  // namespace meridian::location
