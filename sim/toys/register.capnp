# A toy that holds one value. Each answer tells what it held before.

@0xd0f6a5c20e1b7a11;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

interface Register {
  read @0 () -> (was :Int64);
  write @1 (value :Int64) -> (was :Int64);
  compareAndSet @2 (expected :Int64, value :Int64) -> (was :Int64);
  through @3 (name :Text) -> (register :Register);     # another register, by way of this one
}
