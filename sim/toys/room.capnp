# A toy where people talk. What is posted is logged, and told to subscribers and to members.

@0x9c3e5b7702fd18ab;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

interface Room {
  join @0 (session :Text, subscriber :Subscriber) -> (line :Line);
  post @1 (session :Text, number :UInt64) -> (position :UInt64);
  enlist @2 (member :Text) -> ();
}

# To one room, for one session; an object that the room has returned.
interface Line {
  post @0 (number :UInt64) -> (position :UInt64);
}

# Offered by a client.
interface Subscriber {
  heard @0 (room :Text, position :UInt64, session :Text, number :UInt64) -> stream;
  stay @1 () -> ();                                     # answers when it wants to hear no more
}

# An actor that hears of rooms.
interface Member {
  deliver @0 (room :Text, position :UInt64, session :Text, number :UInt64) -> ();
}
