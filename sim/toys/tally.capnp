# A toy that adds, and what clients offer to it.

@0xc9f1d2a7c44b6e01;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

# Offered by a client as the service "probe", and handed over in calls.
interface Probe {
  told @0 (tally :Text, value :Int64) -> ();            # a value that an actor has reached
  streamed @1 (tally :Text, value :Int64) -> stream;
  wait @2 (ms :UInt32) -> ();                           # answers after so long
}

# A sum that only grows, twice: under two keys, in one turn.
interface Tally {
  add @0 (by :Int64) -> (value :Int64);
  get @1 () -> (value :Int64);
  addAndFail @2 (by :Int64, how :How) -> ();            # in one turn
  addThenFail @3 (by :Int64) -> ();                     # adds; in a later turn adds much more and fails, telling the first value
  addAround @4 (by :Int64, probe :Probe, ms :UInt32) -> (value :Int64);   # reads; holds all others while the probe waits; writes
  feed @5 (by :Int64) -> stream;
  tell @6 (by :Int64, service :Text, probe :Probe) -> (value :Int64);     # adds, and tells a service and the probe in that turn
  other @7 (op :UInt64, name :Text) -> (tally :Tally);  # notes the number, and answers with another tally
  relay @8 (by :Int64, to :Text) -> (mine :Int64, theirs :Int64);   # adds, tells the other what it has reached, waits, adds again
  hear @9 (from :Text, value :Int64, by :Int64) -> (value :Int64);  # relay's other end: adds
  work @10 (probe :Probe, ms :UInt32) -> ();            # notes that it began; waits; notes that it ended
  progress @11 () -> (begun :UInt32, ended :UInt32);
  failCheck @12 () -> ();
  outside @13 () -> ();                                 # adds outside of a turn
}

# The same, with callers that may cancel it between two turns.
interface EasyTally extends(Tally) {}

enum How {
  throwing @0;
  rejecting @1;
  throwingStd @2;
  overloaded @3;
}
