// The record of a LocationScheduler: what lies under which key.
//
//   "machine/NAME"            MachineRow             one for each machine
//   "reservation/CLASS/ID"    Reservation            one for each ID
//   "sweep"                   ReservationSweepRow    absent: nothing to reconcile
//   "report"                  ReportRow              absent: the GlobalScheduler knows the sums
#pragma once

#include "actors/location/location.h"
#include "runtime/actor/storage.h"
#include "schema/location.capnp.h"

namespace meridian::location {

State load(actor::Storage& storage);
void save(actor::Storage& storage, const Change& change);

void write(schema::MachineRow::Builder to, const MachineId& id, const Resources& capacity);
void write(schema::Reservation::Builder to, const ContainerId& container, const Reservation& reservation);

}  // namespace meridian::location
