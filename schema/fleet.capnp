# Fleet: the bootstrap of the operator's socket. The verbs of `meridian` use exactly this.

@0xb62927c9f894e1e4;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";
using Class = import "class.capnp";
using Container = import "container.capnp";
using Application = import "application.capnp";

interface Fleet {
  deploy @0 (config :Config.ApplicationConfig, replace :Replace, force :Class.Force) -> (outcome :Application.DeployOutcome);
  # `image` of each class is resolved first; an image that cannot be used refuses the whole. The answer comes when the
  # gateways have the routes; with `replace` now, running instances are then replaced one after another.

  applications @1 () -> (applications :List(Application.ApplicationStatus));

  list @2 (filter :Filter) -> (containers :List(Container.ContainerStatus));

  events @3 (after :UInt64, follow :Follow, sink :EventSink) -> (follow :Common.Handle);
  # Stored events with a number above `after`, oldest first; at most the last 10,000 are kept.

  container @4 (key :Common.ContainerKey) -> (container :Container.Container);
  # FAILED when class or ID is not a valid name. It does not wake the ID.

  why @5 (key :Common.ContainerKey) -> (decisions :List(Common.Decision));

  info @6 () -> (info :PlatformInfo);

  down @7 () -> ();
  # Stops every instance, then the process and its shim. Answers just before the process ends.
}

enum Replace {
  later @0;
  now @1;
}

enum Filter {
  live @0;                             # not stopped
  all @1;
}

enum Follow {
  no @0;
  yes @1;
}

struct Event {
  number @0 :UInt64;
  atNs @1 :Int64;
  container @2 :Common.ContainerKey;
  generation @3 :UInt64;
  kind @4 :Text;                       # "placing" "starting" "running" "draining" "stopping" "stopped" ...: the state entered
  detail @5 :Text;                     # key=value pairs
}

interface EventSink {
  write @0 (events :List(Event)) -> stream;
  end @1 () -> ();
}

struct PlatformInfo {
  version @0 :Text;
  pid @1 :UInt32;
  httpAddress @2 :Text;                # "127.0.0.1:8787"
  mode @3 :Text;                       # "dev" or "up"
  serverCommits @4 :UInt64;            # of the store of the server's actors since the process began; each one fdatasync and one synchronous write of a page
  agentCommits @5 :UInt64;             # of the agent's
}
