# Words that several interfaces share: sizes, keys, exits, streams of bytes.

@0xc64d8ddd1b905cea;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

struct Resources {
  cpuMicro @0 :UInt64;      # millionths of one vCPU
  memoryMib @1 :UInt64;
  diskMb @2 :UInt64;        # megabytes of 10^6 bytes
}

struct EnvVar {
  name @0 :Text;
  value @1 :Text;
}

struct ContainerKey {
  className @0 :Text;
  id @1 :Text;
}

struct InstanceKey {
  container @0 :ContainerKey;
  generation @1 :UInt64;
}

enum StopReason {
  none @0;                  # never stopped yet
  requested @1;
  idle @2;
  rollout @3;
  exited @4;                # by itself; `code` is set
  signalled @5;             # by itself or from outside the platform; `signal` is set
  oom @6;
  diskFull @7;
  unhealthy @8;
  startTimeout @9;
  imageFailed @10;
  execFailed @11;
  machineLost @12;
  preempted @13;
  quota @14;
  drained @15;
}

# Why and how a generation ended. A code and a signal exclude each other; -1 means "does not apply".
struct Exit {
  reason @0 :StopReason;
  code @1 :Int32 = -1;
  signal @2 :Int32 = -1;
  detail @3 :Text;          # one human sentence, may be empty; for exec-failed and image-failed what failed
  atNs @4 :Int64;           # wall clock, ns since the Unix epoch
}

# One tier's decision, kept for `why`.
struct Decision {
  tier @0 :Text;            # "global" or the name of the location
  atNs @1 :Int64;
  chosen @2 :Text;          # empty when refused
  candidates @3 :List(Candidate);
  reason @4 :Text;          # one sentence
}

struct Candidate {
  name @0 :Text;
  feasible @1 :Bool;
  score @2 :Float64;        # in [0, 1]; only meaningful when feasible
  reason @3 :Text;          # why not feasible, or what made the score
}

interface ByteSink {
  write @0 (bytes :Data) -> stream;   # at most 64 KiB a call
  end @1 () -> ();                    # no more writes follow
}

# Dropping it ends what it stands for.
interface Handle {}
