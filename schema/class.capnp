# ContainerClass: the durable actor that owns one class: who declared it, what its instances are, and the permits under
# `maxInstances`. Named by the class.

@0xf8ce24e9a0af32d0;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";

interface ContainerClass {
  claim @0 (application :Text) -> (owner :Text);
  # The class belongs to the application that is answered: the caller's, or another's that had it before.

  configure @1 (spec :Config.ClassSpec) -> ();
  # A spec of a version that is not newer than the present one is acknowledged and ignored.

  retire @2 (application :Text, force :Force) -> (busy :UInt32);
  # Gives the class up. busy > 0: so many permits are out and nothing changed (never with force).

  acquire @3 (id :Text, generation :UInt64) -> (outcome :PermitOutcome);
  # Idempotent by {id, generation}. A newer generation of an ID takes over the permit of the older one.

  release @4 (id :Text, generation :UInt64) -> ();
  # Idempotent; a release of an older generation than the one that holds the permit changes nothing.

  describe @5 () -> (status :ClassStatus);
}

enum Force {
  no @0;
  yes @1;
}

struct PermitOutcome {
  union {
    granted @0 :Config.ClassSpec;
    full @1 :UInt32;                   # maxInstances
    unknown @2 :Void;                  # no application declares the class
  }
}

struct ClassStatus {
  application @0 :Text;                # empty: nobody's
  spec @1 :Config.ClassSpec;
  permits @2 :List(Permit);
}

struct Permit {
  id @0 :Text;
  generation @1 :UInt64;
  atNs @2 :Int64;
}

# The header record; each permit is a row of its own.
struct ClassRecord {
  application @0 :Text;                # empty: nobody's
  spec @1 :Config.ClassSpec;           # absent before the first configure
}

# Where the reconciliation of the permits stands; absent when there is nothing to reconcile.
struct PermitSweepRow {
  atNs @0 :Int64;                      # of the next batch
  after @1 :Text;                      # the last ID of the batch before; empty: a new round
}
