// From the checked configuration to the message that Fleet.deploy takes.
#pragma once

#include "runtime/cli/config.h"
#include "schema/config.capnp.h"

namespace meridian::cli {

// The time between SIGTERM and SIGKILL where a class names none: a service lets work end, a developer waits in person.
inline constexpr Duration STOP_GRACE_UP = std::chrono::minutes(15);
inline constexpr Duration STOP_GRACE_DEV = std::chrono::seconds(10);

void write(const ApplicationConfig& config, Duration stopGraceDefault,
           schema::ApplicationConfig::Builder builder);

}  // namespace meridian::cli
