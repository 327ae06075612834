# Application: the durable actor of one application: its versions, classes and routes. Named by the application.

@0x8a5a5e52de5cd9a2;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";
using Config = import "config.capnp";
using Class = import "class.capnp";

interface Application {
  deploy @0 (config :Config.ApplicationConfig, force :Class.Force) -> (outcome :DeployOutcome);
  # Answers when every class has the new version and every known gateway the new routes.

  remove @1 (force :Class.Force) -> (outcome :DeployOutcome);

  routes @2 () -> (table :Config.RouteTable);
  # The whole table as it is now; asked by a gateway when it connects.

  describe @3 () -> (status :ApplicationStatus);
}

struct DeployOutcome {
  union {
    version @0 :UInt32;
    refused @1 :Text;                  # one sentence that names the class and what stands in the way
  }
}

struct ApplicationStatus {
  name @0 :Text;
  version @1 :UInt32;                  # 0: not deployed
  deployedAtNs @2 :Int64;
  config @3 :Config.ApplicationConfig;
}

struct ApplicationRecord {
  version @0 :UInt32;                  # the last that was used
  deployedAtNs @1 :Int64;
  config @2 :Config.ApplicationConfig; # in force; no classes and no routes after remove

  state :union {
    settled @3 :Void;
    deploying :group {                 # claims and retirements first, then the change
      config @4 :Config.ApplicationConfig;
      force @5 :Class.Force;
      startedAtNs @6 :Int64;
    }
    spreading :group {                 # `config` is in force; classes and gateways still learn of it
      classes @7 :List(Text);          # not yet configured
      gateways @8 :List(Text);         # without the routes of this version
      deadlineNs @9 :Int64;            # a gateway that has not answered by then learns of it when it connects
    }
    withdrawing :group {               # refused: claims go back, retired classes are claimed again
      reason @10 :Text;
      config @11 :Config.ApplicationConfig;
    }
  }
}
