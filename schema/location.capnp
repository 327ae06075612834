# LocationScheduler: which machine of its location an instance goes to, and the reservations on them. Named by the location.

@0xbc1fcd44b1b93248;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";

interface LocationScheduler {
  registerMachine @0 (machine :Text, capacity :Common.Resources) -> ();
  # At each start of the agent. Less capacity than is reserved refuses new reservations only.

  reserve @1 (instance :Common.InstanceKey, need :Common.Resources, avoid :List(Text)) -> (outcome :ReserveOutcome);
  # Idempotent by {container, generation}: the same machine is answered again, unless it is in `avoid`; then the
  # reservation moves. A newer generation of an ID replaces the reservation of the older one.

  release @2 (instance :Common.InstanceKey) -> ();
  # Idempotent; an older generation than the one reserved changes nothing.

  describe @3 () -> (machines :List(MachineRow), reservations :List(Reservation));
}

struct ReserveOutcome {
  decision @0 :Common.Decision;        # decision.chosen is the machine, empty when refused
}

struct MachineRow {
  machine @0 :Text;
  capacity @1 :Common.Resources;
}

struct Reservation {
  instance @0 :Common.InstanceKey;
  machine @1 :Text;
  need @2 :Common.Resources;
  atNs @3 :Int64;
}

# Where the reconciliation of the reservations stands; absent when there is nothing to reconcile.
struct ReservationSweepRow {
  atNs @0 :Int64;                      # of the next batch
  after @1 :Common.ContainerKey;       # the last one of the batch before; absent: a new round
}

# Present while the GlobalScheduler may not know the present sums.
struct ReportRow {
  atNs @0 :Int64;                      # when to tell it
}
