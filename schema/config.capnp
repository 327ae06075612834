# What a user declares: an application with its container classes and routes, checked and with defaults filled in.

@0xf2f216e680962974;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::schema");

using Common = import "common.capnp";

struct ApplicationConfig {
  name @0 :Text;
  classes @1 :List(ClassSpec);
  routes @2 :List(Route);
}

struct ClassSpec {
  className @0 :Text;
  application @1 :Text;
  version @2 :UInt32;                  # of the application that set it; filled in by the Application actor
  image @3 :Text;                      # as written: rootfs:DIR or oci:DIR[:tag]
  imageId @4 :Text;                    # what the driver mounts; filled in at deploy by the image store
  resources @5 :Common.Resources;
  maxInstances @6 :UInt32;             # instances of this class that may live at one time
  defaultPort @7 :UInt16;              # 0: the class has no port, it is ready when it runs
  requiredPorts @8 :List(UInt16);      # each must accept before the instance is ready; empty: defaultPort
  sleepAfterMs @9 :UInt64;
  entrypoint @10 :List(Text);          # empty: the image's own
  env @11 :List(Common.EnvVar);
  user @12 :Text;                      # name, uid or uid:gid; empty: the image's own, else root
  workdir @13 :Text;                   # empty: "/"
  restart @14 :RestartPolicy;
  stopGraceMs @15 :UInt64;
  startTimeoutMs @16 :UInt64;
}

enum RestartPolicy {
  never @0;
  onFailure @1;
  always @2;
}

struct Route {
  path @0 :Text;                       # "/sandbox/:id/*"
  className @1 :Text;
}

# The routes of one application, whole; a higher version replaces a lower one.
struct RouteTable {
  application @0 :Text;
  version @1 :UInt32;
  routes @2 :List(Route);
}
