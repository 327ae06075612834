// The platform's words and moments as people and scripts read them: the same in `ps`, `inspect`, `events` and JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/container.capnp.h"

namespace meridian::cli {

std::string_view toWord(schema::ContainerState state);

// Nothing for `none`: there was no stop yet.
std::optional<std::string_view> toWord(schema::StopReason reason);

// "idle", "exited 3", "signalled 9", "-" where nothing ended yet.
std::string toText(schema::Exit::Reader exit);

// "2026-01-31T12:00:00.123Z"
std::string isoTime(int64_t nsSinceEpoch);

// "850ms", "12s", "3m20s", "5h07m", "12d04h"
std::string ageText(int64_t ns);

// "12.3 ms"
std::string msText(double ms);

}  // namespace meridian::cli
