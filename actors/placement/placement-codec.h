// Resources and decisions as schema/common.capnp writes them; used by the two tiers that place.
#pragma once

#include <kj/string.h>

#include "actors/placement/placement.h"
#include "schema/common.capnp.h"

namespace meridian::placement {

Resources fromSchema(schema::Resources::Reader resources);
void toSchema(const Resources& resources, schema::Resources::Builder builder);

// `tier` is "global" or the name of the location.
void toSchema(const Decision& decision, kj::StringPtr tier, Instant at, schema::Decision::Builder builder);

}  // namespace meridian::placement
