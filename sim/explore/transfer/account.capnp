# An account that money leaves and reaches by transfers.

@0x918fad1d3ec5f96e;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::explore::transfer");

interface Account {
  transfer @0 (id :UInt64, to :Text, amount :Int64) -> ();   # answered once the money has arrived; the same id moves it once
  deposit @1 (id :UInt64, amount :Int64) -> ();
  balance @2 () -> (value :Int64);
}
