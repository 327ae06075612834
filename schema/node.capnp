# Node: the bootstrap between processes and between shards: actors and services by name.

@0xe8aa36e02bb91786;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

interface Node {
  actor @0 (kind :Text, name :Text) -> (actor :Capability);
  # A reference by name; it loads nothing. FAILED when this node does not host the kind.

  service @1 (name :Text) -> (service :Capability);
  # A capability the composition offers here: "driver", "images", "gateway/NAME".
}
