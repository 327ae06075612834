# Gateway: what the platform tells a process that takes HTTP requests. A service, addressed by the gateway's name.

@0x81639d3a83f94404;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";

interface Gateway {
  recall @0 (key :Common.InstanceKey) -> ();
  # At once no new request goes to this generation; answered when the last one in flight has ended. Idempotent; a
  # generation that is not leased is answered at once.

  routes @1 (table :Config.RouteTable) -> ();
  # Replaces the application's table; an older or equal version is acknowledged and ignored.
}
