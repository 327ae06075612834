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
  version @0 :UInt32;                  # the last that was used; 0: none
  deployedAtNs @1 :Int64;
  config @2 :Config.ApplicationConfig; # in force; absent before the first deploy, no classes and no routes after remove
  retryAtNs @3 :Int64;                 # when calls that failed are made again; absent when settled

  phase :union {                       # in the order of a deploy
    settled @4 :Void;
    claiming @5 :Attempt;              # `config` is still the old one
    retiring @6 :Attempt;
    configuring @7 :Void;              # `config` is the new one
    announcing @8 :Void;
    pushing :group {
      gateways @9 :List(Text);
      deadlineNs @10 :Int64;           # a gateway that has not answered by then learns of it when it connects
    }
    givingBack @11 :Withdrawal;        # refused: claims go back, what was retired is claimed again
    restoring @12 :Text;               # what was retired gets its old spec; the reason of the refusal
  }

  struct Attempt {
    config @0 :Config.ApplicationConfig;
    force @1 :Class.Force;
  }

  struct Withdrawal {
    config @0 :Config.ApplicationConfig;   # that was refused
    reason @1 :Text;
  }
}
