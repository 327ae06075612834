// Decisions as schema/common.capnp writes them; used by the two tiers that place.
#pragma once

#include <kj/string.h>

#include "actors/placement/placement.h"
#include "schema/common.capnp.h"

namespace meridian::placement {

// `tier` is "global" or the name of the location.
void write(schema::Decision::Builder to, const Decision& decision, kj::StringPtr tier, Instant at);

}  // namespace meridian::placement
