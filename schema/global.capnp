# GlobalScheduler: which location an instance goes to, and the meeting point of applications and gateways. Named "global".

@0x96f650bf8185e1e3;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";

interface GlobalScheduler {
  reportLocation @0 (location :Text, total :Common.Resources, free :Common.Resources) -> ();
  # A location's summary; it replaces the one before. Sent when machines come or go and at most once a second as they fill.

  place @1 (instance :Common.InstanceKey, need :Common.Resources, avoid :List(Text)) -> (outcome :PlaceOutcome);
  # Stateless for the caller: nothing is reserved. `avoid` names locations that refused this generation.

  addGateway @2 (gateway :Text) -> (applications :List(Text));
  addApplication @3 (application :Text) -> (gateways :List(Text));
  removeApplication @4 (application :Text) -> ();
  applications @5 () -> (names :List(Text));
}

struct PlaceOutcome {
  decision @0 :Common.Decision;        # decision.chosen is the location, empty when refused
}

# Rows of the GlobalScheduler, each under a key of its own.
struct LocationRow {
  total @0 :Common.Resources;
  free @1 :Common.Resources;
  reportedAtNs @2 :Int64;
}

# A gateway or an application, under its name.
struct NameRow {
  name @0 :Text;
}
