// A reference to an actor by name: a Cap'n Proto capability that looks its actor up for each call. So it survives resets,
// passivation and moves, creates nothing and pins nothing.
#pragma once

#include <capnp/capability.h>

#include "runtime/actor/address.h"

namespace meridian::actor {

class Host;

capnp::Capability::Client newActorReference(Host& host, Address address);

}  // namespace meridian::actor
