// The record of the GlobalScheduler: what lies under which key.
//
//   "location/NAME"       LocationRow    its last summary
//   "gateway/NAME"        NameRow
//   "application/NAME"    NameRow
#pragma once

#include "actors/global/global.h"
#include "runtime/actor/storage.h"

namespace meridian::global {

State load(actor::Storage& storage);
void save(actor::Storage& storage, const Change& change);

}  // namespace meridian::global
