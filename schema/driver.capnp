# Driver: how a machine runs instances. Served beside the agent, called by the Machine actor through the output gate, so that an
# effect on the machine happens only after the commit it depends on.

@0xee810863061918c2;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";
using Container = import "container.capnp";

interface Driver {
  launch @0 (spec :LaunchSpec) -> ();
  # Idempotent by key. Answers when PID 1 has exec'd or the start has failed; either is also told as a fact to the Machine:
  # driverStarted, then driverReady, or driverExited with exec-failed, image-failed or start-timeout.

  signal @1 (key :Common.InstanceKey, number :Int32) -> ();
  kill @2 (key :Common.InstanceKey) -> ();
  # Both are no-ops when the instance has gone. The exit is told as driverExited.

  list @3 () -> (instances :List(InstanceReport));
  # Everything the shim knows: what lives, and what has exited and is not yet acknowledged.

  acknowledge @4 (key :Common.InstanceKey) -> ();
  # The exit is durable with the Machine; the shim may forget it.

  exec @5 (key :Common.InstanceKey, request :Container.ExecRequest) -> (process :Container.Process);
  logs @6 (container :Common.ContainerKey, request :Container.LogRequest) -> (follow :Common.Handle);
  removeLogs @7 (container :Common.ContainerKey) -> ();
  # Logs are kept for each ID over its generations.
}

struct LaunchSpec {
  key @0 :Common.InstanceKey;
  spec @1 :Config.ClassSpec;
  extraEnv @2 :List(Common.EnvVar);
  location @3 :Text;
  timeoutMs @4 :UInt64;                # from now until ready
}

struct InstanceReport {
  key @0 :Common.InstanceKey;
  startedAtNs @1 :Int64;               # 0: it has not exec'd
  ready @2 :Bool;
  host @3 :Text;                       # the instance's IP address
  exit @4 :Common.Exit;                # reason none: it lives
}

interface ImageStore {
  resolve @0 (image :Text, diskMb :UInt64) -> (outcome :ImageOutcome);
  # Makes the image ready to mount on this machine. Takes as long as unpacking takes. Instances of it will have disks of this
  # size, so that the machine can have some at hand; 0: that is not known.
}

struct ImageOutcome {
  union {
    ready @0 :ImageInfo;
    refused @1 :Text;                  # one sentence
  }
}

struct ImageInfo {
  imageId @0 :Text;
  entrypoint @1 :List(Text);
  env @2 :List(Common.EnvVar);
  user @3 :Text;
  workdir @4 :Text;
}
