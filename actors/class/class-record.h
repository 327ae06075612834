// The record of a ContainerClass: what lies under which key.
//
//   "class"        ClassRecord      absent: unclaimed
//   "sweep"        PermitSweepRow   absent: nothing to reconcile
//   "permit/ID"    Permit           one for each ID
#pragma once

#include "actors/class/class.h"
#include "runtime/actor/storage.h"
#include "schema/class.capnp.h"

namespace meridian::container_class {

State load(actor::Storage& storage);
void save(actor::Storage& storage, const Change& change);

Spec read(schema::ClassSpec::Reader from);

}  // namespace meridian::container_class
