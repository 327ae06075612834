// Stops every instance of a platform: what `down` and Ctrl-C do first.
#pragma once

#include <kj/function.h>

#include "runtime/actor/host.h"
#include "schema/supervisor.capnp.h"

namespace meridian::platform {

// Resolves when every ID that lived at the call, or was waking, is stopped; each has its own grace.
kj::Promise<void> stopAll(actor::Host& host, kj::Function<schema::Supervisor::Client(const std::string& name)> supervisorOf);

}  // namespace meridian::platform
