# A toy that rings when its alarm comes.

@0xa71cd8be3f60d925;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

interface Bell {
  set @0 (order :UInt64, ms :UInt32, failures :UInt32, again :UInt32) -> ();   # fails so often first; then sets itself so often again
  clear @1 (order :UInt64) -> ();
  state @2 () -> (order :UInt64, pending :Bool, rings :UInt32, owed :UInt32);  # owed: rings that are yet to come
}
