// A call that starts in this vat and ends at an actor of this vat: its request, its context and its response are one object, and
// no message is copied.
#pragma once

#include <capnp/capability.h>
#include <kj/refcount.h>


namespace meridian::actor {

capnp::Request<capnp::AnyPointer, capnp::AnyPointer> newLocalRequest(
    kj::Own<capnp::ClientHook> target, uint64_t interfaceId, uint16_t methodId,
    kj::Maybe<capnp::MessageSize> sizeHint);

}  // namespace meridian::actor
