// The machine's words in their schema form: its rows in the store, and what it hears over RPC.
#pragma once

#include <string>
#include <string_view>

#include "actors/machine/machine.h"
#include "schema/config.capnp.h"
#include "schema/driver.capnp.h"
#include "schema/machine.capnp.h"

namespace meridian::machine {

// Rows of one kind share a prefix. The generation is written with leading zeros, so that keys are in its order.
inline constexpr std::string_view ROW_PREFIX = "instance/";
std::string rowKey(const InstanceKey& key);
std::string lastKey(const ContainerId& container);

std::string encode(const Row& row);
std::string encodeLast(Generation generation);

// Both throw kj::Exception FAILED when the bytes are no record, or one of a newer build.
Row decodeRow(std::string_view bytes);
Generation decodeLast(std::string_view bytes);

void write(schema::InstanceRow::Builder to, const Row& row);
Spec readSpec(schema::ClassSpec::Reader from);
Report readReport(schema::InstanceReport::Reader from);

}  // namespace meridian::machine
