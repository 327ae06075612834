# Two toy actors that the contract tests drive: a counter that can do all that the contract speaks of, and a probe outside of the
# store that says what reached it.

@0xb574dacc37484c15;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::toy");

interface Counter {
  increment @0 (by :Int64) -> (value :Int64);
  get @1 () -> (value :Int64);
  transfer @2 (to :Text, amount :Int64) -> (mine :Int64, theirs :Int64);   # writes, calls another counter, writes again
  fail @3 (how :How) -> ();                                # writes first
  tell @4 (probe :Probe, by :Int64) -> (value :Int64);     # writes, and calls out of the store within the turn
  other @5 (name :Text, by :Int64) -> (counter :Counter);  # writes, and answers with a reference
  hang @6 () -> ();
  feed @7 (by :Int64) -> stream;
  hold @8 (probe :Probe) -> ();                            # blockConcurrencyWhile the probe answers
  alarmIn @9 (ms :Int64, failures :UInt32) -> ();
  rings @10 () -> (count :UInt32, early :Bool);
  keys @11 (prefix :Text) -> (keys :List(Text));
  set @12 (key :Text, value :Text) -> ();
  setAndList @13 (key :Text, value :Text, prefix :Text) -> (keys :List(Text));
  erase @14 (key :Text) -> ();
  outside @15 () -> ();                                    # touches storage outside of a turn
  loads @16 () -> (count :UInt64);
  tellLater @17 (service :Text, by :Int64) -> ();          # writes, then calls a service in the same turn
}

# Waits for a probe between two writes. One kind lets its callers cancel it there, the other does not.
interface Patient {
  work @0 (probe :Probe) -> ();
  progress @1 () -> (begun :Bool, ended :Bool);
}

interface Impatient extends(Patient) {}

enum How {
  throwing @0;
  rejecting @1;
  throwingStd @2;
  throwingLater @3;
  checking @4;
  overloaded @5;
}

interface Probe {
  seen @0 (value :Int64) -> ();
}
