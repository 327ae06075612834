# What the killed server hosts: counters, and banks whose accounts change two at a time.

@0xa3c1f09e5b7d2648;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::killed");

interface Counter {
  add @0 () -> (value :UInt64);
  get @1 () -> (value :UInt64);
}

interface Bank {
  transfer @0 (from :UInt32, to :UInt32, amount :Int64) -> (transfers :UInt64);   # one turn
  balance @1 () -> (accounts :List(Int64), transfers :UInt64);
}
