// The record of an Application: one row, "application", an ApplicationRecord. A deploy writes it once a phase.
#pragma once

#include "actors/application/application.h"
#include "runtime/actor/storage.h"
#include "schema/application.capnp.h"

namespace meridian::application {

State load(actor::Storage& storage);
void save(actor::Storage& storage, const Change& change);

ConfigPtr read(schema::ApplicationConfig::Reader from);

// A config that declares nothing, under the application's name.
ConfigPtr nothing(const std::string& application);

}  // namespace meridian::application
