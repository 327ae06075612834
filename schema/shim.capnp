# The shim's protocol: packets over a SOCK_SEQPACKET Unix socket, one flat Cap'n Proto message each, at most 64 KiB, descriptors by
# SCM_RIGHTS. One client at a time; a newer client replaces the older (the platform was restarted or upgraded).
# The client sends a ToShim, the shim answers each with a FromShim of the same `id`, and sends facts with id 0.

@0x86dd23a864844ffe;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";

const shimProtocolVersion :UInt32 = 1;

struct ToShim {
  id @0 :UInt64;                       # above 0
  union {
    hello @1 :Hello;                   # must come first
    launch @2 :Launch;                 # descriptor: the network namespace
    exec @3 :Exec;                     # descriptors: stdin, stdout, stderr of the new process
    signal @4 :Signal;
    kill @5 :Common.InstanceKey;       # SIGKILL to the whole cgroup
    list @6 :Void;                     # answered when nothing is just starting
    exits @7 :UInt64;                  # those with a number above
    acknowledge @8 :UInt64;            # exits up to this number may be forgotten
    shutdown @9 :Void;                 # kills what lives, waits for it, answers, ends
  }
}

struct FromShim {
  id @0 :UInt64;
  union {
    done @1 :Void;
    refused @2 :Refusal;
    hello @3 :HelloAnswer;
    instances @4 :List(Instance);      # of list; more packets of the same id follow while `more`
    exits @5 :List(ExitRecord);
    launched @6 :Instance;             # answer to launch: the program has exec'd
    execStarted @7 :ExecStarted;       # answer to exec

    exited @8 :ExitRecord;             # fact: all of the instance is gone, its cgroup is removed
    execExited @9 :ExecExited;         # fact
  }
  more @10 :Bool;
}

struct Hello {
  protocol @0 :UInt32;
}

struct HelloAnswer {
  protocol @0 :UInt32;
  bootId @1 :Text;
  pid @2 :Int32;
  lastExit @3 :UInt64;                 # number of the newest exit record
}

struct Refusal {
  code @0 :Code;
  message @1 :Text;                    # one sentence: the step and errno's text
  enum Code {
    protocol @0;                       # malformed, too large, or not yet greeted
    stale @1;                          # the generation is not above the last of this ID, and is not the one that lives
    notFound @2;
    execFailed @3;                     # execve of the instance's program, or of an exec's, failed
    setupFailed @4;                    # a namespace, mount, cgroup or limit failed
  }
}

struct Launch {
  key @0 :Common.InstanceKey;
  argv @1 :List(Text);
  env @2 :List(Common.EnvVar);
  uid @3 :UInt32;
  gid @4 :UInt32;
  groups @5 :List(UInt32);
  workdir @6 :Text;
  hostname @7 :Text;
  layers @8 :List(Text);               # read-only folders of the image, topmost first
  writable @9 :Text;                   # a folder on the instance's own disk; holds `upper` and `work`
  cgroup @10 :Text;                    # name of the instance's cgroup below the shim's, [A-Za-z0-9._-]
  cpuMicro @11 :UInt64;
  memoryMib @12 :UInt64;
  pidsMax @13 :UInt32;
  logDir @14 :Text;                    # exists
  logBytesMax @15 :UInt64;             # of one log file; there are two, the older is dropped
  resolvConf @16 :Text;                # contents; empty: none is put over the image's
  hosts @17 :Text;
  tag @18 :Text;                       # kept and listed for the driver: which disk and address the instance has
}

struct Exec {
  key @0 :Common.InstanceKey;
  argv @1 :List(Text);
}

struct Signal {
  target :union {
    instance @0 :Common.InstanceKey;   # to PID 1, the shim's init, which passes it on to the program
    exec @1 :UInt64;                   # to the process of that exec
  }
  number @2 :Int32;
}

struct Instance {
  key @0 :Common.InstanceKey;
  pid @1 :Int32;                       # of PID 1, the shim's init, as seen from the host
  startTime @2 :UInt64;                # field 22 of /proc/PID/stat: with boot id and pid it names the process for ever
  startedAtNs @3 :Int64;               # wall clock at exec
  tag @4 :Text;
}

struct ExitRecord {
  number @0 :UInt64;                   # grows by one with each exit, over restarts of the shim too
  key @1 :Common.InstanceKey;
  code @2 :Int32 = -1;
  signal @3 :Int32 = -1;
  oomKilled @4 :Bool;                  # the kernel's out-of-memory killer ended a process of the instance
  killed @5 :Bool;                     # by `kill` or `shutdown`
  atNs @6 :Int64;
  tag @7 :Text;
}

struct ExecStarted {
  exec @0 :UInt64;
  pid @1 :Int32;
}

struct ExecExited {
  exec @0 :UInt64;
  code @1 :Int32 = -1;
  signal @2 :Int32 = -1;
}
