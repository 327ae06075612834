# Supervisor: the durable actor that owns one ID, for ever. Named `class/id`.

@0xb63afc0b405c88ea;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";
using Container = import "container.capnp";

interface Supervisor extends(Container.Container) {
  lease @0 (gateway :Text) -> (outcome :LeaseOutcome);
  # Wakes the ID if it sleeps and answers when it is ready or has failed. The gateway may send bytes to the endpoint
  # until it is recalled, or until `leaseMs` after its last lease() or report().

  report @1 (gateway :Text, generation :UInt64, inFlight :UInt32, idleMs :UInt64) -> (valid :Bool);
  # The gateway's activity under its lease: requests in flight now, and the time since the last byte. At most one a second
  # for an ID. `valid` false: the lease is over.

  instanceStarted @2 (generation :UInt64, machine :Text, startedAtNs :Int64) -> ();
  instanceReady @3 (generation :UInt64, machine :Text, host :Text) -> ();
  instanceHealth @4 (generation :UInt64, machine :Text, healthy :Bool) -> ();
  instanceExited @5 (generation :UInt64, machine :Text, exit :Common.Exit) -> ();
  # Facts from the machine, each repeated until acknowledged (an answer). A stale one is acknowledged and ignored.

  holds @6 (generation :UInt64) -> (holds :Bool);
  # Whether this generation may still own a permit and a reservation. Asked by those who keep them.

  rollout @7 (version :UInt32) -> ();
  # Replace an instance that was started from an older version of its application. Answers when the new one is ready or has
  # failed; at once when there is nothing to replace.

  why @8 () -> (decisions :List(Common.Decision));
  # Of the last start, in the order they were taken.
}

struct LeaseOutcome {
  union {
    endpoint @0 :Endpoint;
    failed @1 :Container.StartFailure;
  }
}

struct Endpoint {
  generation @0 :UInt64;
  host @1 :Text;                       # an IP address
  port @2 :UInt16;
  leaseMs @3 :UInt64;
}

# The record. Everything a supervisor must still know after a crash.
struct SupervisorRecord {
  generation @0 :UInt64;               # the last that was used; 0: none
  lastExit @1 :Common.Exit;
  restarts @2 :UInt32;
  spec @3 :Config.ClassSpec;           # of the current or last generation; absent before the first
  readyMs @4 :Float64;
  decisions @5 :List(Common.Decision);
  extraEnv @6 :List(Common.EnvVar);    # given with the explicit start of the current generation
  shortRuns @36 :UInt32;               # generations in a row that ended early by themselves; sets the restart's back-off
  logMachines @37 :List(Text);         # machines that keep logs of this ID, the latest last

  state :union {
    stopped :group {
      restartAtNs @7 :Int64;           # 0: only a request or a start wakes it
    }
    placing :group {
      sinceNs @8 :Int64;
      deadlineNs @9 :Int64;
      avoid @10 :List(Text);           # machines that refused this generation
      reservedAt @38 :Text;            # the location that still holds its reservation; empty: none is known
    }
    starting :group {
      sinceNs @11 :Int64;
      machine @12 :Text;
      location @13 :Text;
      deadlineNs @14 :Int64;
    }
    running :group {
      machine @15 :Text;
      location @16 :Text;
      host @17 :Text;
      startedAtNs @18 :Int64;
      healthy @19 :Bool;
      gateways @20 :List(Text);        # holders of an endpoint lease
      idleCheckAtNs @35 :Int64;        # when to look whether it is idle
    }
    draining :group {
      machine @21 :Text;
      location @22 :Text;
      host @23 :Text;
      startedAtNs @24 :Int64;
      gateways @25 :List(Text);        # leases not yet returned
      reason @26 :Common.StopReason;
      signal @27 :Int32;
      deadlineNs @28 :Int64;           # then the leases count as ended
    }
    stopping :group {
      machine @29 :Text;
      location @30 :Text;
      reason @31 :Common.StopReason;
      signal @32 :Int32;               # 9: at once
      killAtNs @33 :Int64;
      removeLogs @34 :Bool;
    }
  }
}
