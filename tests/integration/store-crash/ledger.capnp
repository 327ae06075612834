# The actor of the crash workload, and who hears of it outside of the store.

@0xd8a52e3f7c61b094;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::crash");

interface Ledger {
  write @0 (salt :UInt64) -> (turns :UInt64);                       # one turn that writes several keys
  tell @1 (salt :UInt64, witness :Witness) -> (turns :UInt64);      # the same, and calls out of the store within the turn
  pass @2 (salt :UInt64, to :Text) -> (turns :UInt64, theirs :UInt64);   # a turn, a turn of another ledger, a turn
  read @3 () -> (salts :List(UInt64), digest :UInt64);              # of all turns in their order; of what is stored
  clear @4 () -> ();                                                # as if there had been no turn
}

interface Witness {
  heard @0 (ledger :Text, turns :UInt64) -> ();
}
