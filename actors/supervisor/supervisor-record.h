// The supervisor's words in their schema form: its record in the store, and what it hears and answers over RPC.
#pragma once

#include <string>
#include <string_view>

#include "actors/supervisor/supervisor.h"
#include "schema/config.capnp.h"
#include "schema/fleet.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::supervisor {

std::string encode(const State& state);

// Throws kj::Exception FAILED when the bytes are no record, or one of a newer build.
State decode(std::string_view bytes);

Spec readSpec(schema::ClassSpec::Reader from);
Decision readDecision(schema::Decision::Reader from);
void write(schema::Decision::Builder to, const Decision& decision);
void write(schema::ContainerStatus::Builder to, const ContainerId& container, const Status& status);
void write(schema::StartFailure::Builder to, const StartFailure& failure);

// An entry of the store's journal: a schema::Event in an envelope, whose number its reader fills in.
std::string encodeEvent(const ContainerId& container, const Journal& entry, Instant at);

}  // namespace meridian::supervisor
