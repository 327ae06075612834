# Container: the public face of one ID. The capability is a name: it stays valid over sleeps, restarts and upgrades.

@0x8c64a716210ef4dd;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";

enum ContainerState {
  stopped @0;
  placing @1;
  starting @2;
  running @3;
  unhealthy @4;
  draining @5;
  stopping @6;
  damaged @7;                          # its stored record cannot be read; the platform's log says why
}

struct ContainerStatus {
  container @0 :Common.ContainerKey;
  state @1 :ContainerState;
  generation @2 :UInt64;               # of the current or the last instance; 0: never started
  machine @3 :Text;                    # empty when stopped or placing
  location @4 :Text;
  lastExit @5 :Common.Exit;            # of the last generation that ended
  restarts @6 :UInt32;                 # starts by the restart policy since the last explicit start or request
  startedAtNs @7 :Int64;               # exec of PID 1; 0 when not running
  readyMs @8 :Float64;                 # from waking to ready, of the current or the last generation
  image @9 :Text;
  version @10 :UInt32;                 # of the application, at the start of this generation
}

# Why a start did not lead to a ready instance.
struct StartFailure {
  code @0 :Text;                       # stable: "unknown-class" "max-instances" "no-capacity" "start-failed" "start-timeout" "stopped" "retry"
  message @1 :Text;
  retryAfterMs @2 :UInt64;             # 0: retrying does not help
  exit @3 :Common.Exit;                # set for start-failed and start-timeout
}

interface Container {
  start @0 (env :List(Common.EnvVar)) -> (outcome :StartOutcome);
  # Wakes the ID and answers when it is ready or has failed. `env` is added for this generation; refused with
  # FAILED when the ID already runs and env is not empty.

  state @1 () -> (status :ContainerStatus);

  stop @2 (signal :Int32 = 15) -> (status :ContainerStatus);
  # Recalls the leases, sends the signal, waits the grace period, then SIGKILL. Answers when the exit is proven.

  destroy @3 () -> ();
  # SIGKILL at once; stored logs are removed. The generation is kept.

  exec @4 (request :ExecRequest) -> (process :Process);
  # FAILED when the ID does not run.

  logs @5 (request :LogRequest) -> (follow :Common.Handle);
  # Writes stored lines, oldest first, then calls `end`; with `follow`, goes on until the handle is dropped.
}

struct StartOutcome {
  union {
    ready @0 :ContainerStatus;
    failed @1 :StartFailure;
  }
}

struct ExecRequest {
  argv @0 :List(Text);
  stdout @1 :Common.ByteSink;
  stderr @2 :Common.ByteSink;
}

interface Process {
  stdin @0 () -> (sink :Common.ByteSink);
  wait @1 () -> (code :Int32, signal :Int32);   # -1 where it does not apply
  signal @2 (number :Int32) -> ();
}

struct LogRequest {
  follow @0 :Bool;
  sink @1 :LogSink;
}

enum LogStream {
  stdout @0;
  stderr @1;
}

struct LogLine {
  atNs @0 :Int64;
  stream @1 :LogStream;
  generation @2 :UInt64;
  text @3 :Data;                       # without the line end; a line over 16 KiB is split
}

interface LogSink {
  write @0 (lines :List(LogLine)) -> stream;
  end @1 () -> ();
}
