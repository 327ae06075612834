// A capability that is found anew for each call, so that it outlasts the link it goes over.
#pragma once

#include <capnp/capability.h>
#include <kj/function.h>

namespace meridian::rpc {

// What `find` uses outlives the capability.
capnp::Capability::Client newLastingReference(kj::Function<capnp::Capability::Client()> find);

}  // namespace meridian::rpc
