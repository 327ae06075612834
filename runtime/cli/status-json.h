// The stable JSON of a container's status: what `ps`, `inspect`, `start` and `stop` print with --json. Keys are only ever
// added.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schema/container.capnp.h"

namespace meridian::cli {

nlohmann::ordered_json toJson(schema::ContainerStatus::Reader status);

// One line, or indented; bytes that are not UTF-8 are replaced.
std::string toLine(const nlohmann::ordered_json& json);
std::string toPage(const nlohmann::ordered_json& json);

}  // namespace meridian::cli
