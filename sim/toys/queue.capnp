# A toy that keeps queues, each under a prefix of its own, ordered by key.

@0xe5b06f2dd4c1a3f9;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

interface Queue {
  put @0 (queue :Text, key :Text, value :Text) -> (replaced :List(Row));
  pop @1 (queue :Text, most :UInt32) -> (taken :List(Row));
  putAndList @2 (queue :Text, key :Text, value :Text) -> (found :List(Row));   # in one turn
  list @3 (queue :Text, after :Text, limit :UInt32) -> (found :List(Row));

  struct Row {
    key @0 :Text;
    value @1 :Text;
  }
}
