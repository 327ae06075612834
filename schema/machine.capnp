# Machine: the durable actor of one machine's agent, in the agent's own store. It obeys supervisors, by generation, and
# turns what the driver sees into facts for them. Named by the machine.

@0xf568f7ccbef72d94;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";
using Container = import "container.capnp";

interface Machine {
  start @0 (key :Common.InstanceKey, spec :Config.ClassSpec, extraEnv :List(Common.EnvVar), location :Text) -> (outcome :AcceptOutcome);
  # Idempotent. `accepted` is durable: from then on started, ready and exited are told to the supervisor. A generation that
  # is not above the last of its ID is refused.

  signal @1 (key :Common.InstanceKey, number :Int32) -> ();
  # To PID 1. Also a no-op that succeeds when the generation is not here.

  kill @2 (key :Common.InstanceKey) -> (known :Bool);
  # SIGKILL to all of it. `known` false: this generation is not here and never will be again; it counts as gone, and a
  # later start of it is refused.

  exec @3 (key :Common.InstanceKey, request :Container.ExecRequest) -> (process :Container.Process);
  logs @4 (container :Common.ContainerKey, request :Container.LogRequest) -> (follow :Common.Handle);
  removeLogs @5 (container :Common.ContainerKey) -> ();

  driverStarted @6 (key :Common.InstanceKey, startedAtNs :Int64) -> ();
  driverReady @7 (key :Common.InstanceKey, host :Text) -> ();
  driverHealth @8 (key :Common.InstanceKey, healthy :Bool) -> ();
  driverExited @9 (key :Common.InstanceKey, exit :Common.Exit) -> ();
  # Facts from the driver. An answer to driverExited means: durable here.

  describe @10 () -> (capacity :Common.Resources, used :Common.Resources, instances :List(InstanceRow));
}

struct AcceptOutcome {
  union {
    accepted @0 :Void;
    refused @1 :Text;                  # one sentence: full, stale generation. Durable and for ever: a later, or late,
                                       # start of this generation is refused too
  }
}

# One row for each instance that is here, or whose exit its supervisor has not yet acknowledged.
struct InstanceRow {
  key @0 :Common.InstanceKey;
  spec @1 :Config.ClassSpec;
  extraEnv @2 :List(Common.EnvVar);
  location @3 :Text;
  acceptedAtNs @4 :Int64;
  exit @5 :Common.Exit;                # reason none: it lives
}

# The highest generation of an ID seen here, kept when the instance has gone.
struct LastGenerationRow {
  generation @0 :UInt64;
}
