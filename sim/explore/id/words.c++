// The moves of a state in words, for a trace.
#include "sim/explore/id/flights.h"
#include "sim/explore/id/moves.h"

namespace meridian::explore::id {

namespace {

using Kind = Move::Kind;

std::string of(Generation generation) { return " generation " + std::to_string(generation.value()); }

const char* verb(Flight::Kind kind) {
  switch (kind) {
    case Flight::Kind::ACQUIRE: return "acquire a permit for";
    case Flight::Kind::PLACE: return "place";
    case Flight::Kind::RESERVE: return "reserve room for";
    case Flight::Kind::RELEASE_PERMIT: return "release the permit of";
    case Flight::Kind::RELEASE_RESERVATION: return "release the reservation of";
    case Flight::Kind::START: return "start";
    case Flight::Kind::SIGNAL: return "signal";
    case Flight::Kind::KILL: return "kill";
    case Flight::Kind::REMOVE_LOGS: return "remove the logs";
    case Flight::Kind::RECALL: return "recall the lease on";
    case Flight::Kind::CLASS_ASKS: return "the class asks who holds";
    case Flight::Kind::LOCATION_ASKS: return "the location asks who holds";
    case Flight::Kind::LAUNCH: return "driver, launch";
    case Flight::Kind::DRIVER_SIGNAL: return "driver, signal";
    case Flight::Kind::DRIVER_KILL: return "driver, kill";
    case Flight::Kind::ACKNOWLEDGE: return "driver, forget the exit of";
    case Flight::Kind::LIST: return "driver, list";
    case Flight::Kind::TELL_STARTED: return "supervisor, started is";
    case Flight::Kind::TELL_READY: return "supervisor, ready is";
    case Flight::Kind::TELL_EXITED: return "supervisor, ended has";
    case Flight::Kind::ASK_LEASE: return "lease";
    case Flight::Kind::ASK_START: return "start it";
    case Flight::Kind::ASK_STOP: return "stop it";
    case Flight::Kind::ASK_DESTROY: return "destroy it";
    case Flight::Kind::ASK_ROLLOUT: return "roll out version 2";
  }
  return "";
}

bool hasMachine(Flight::Kind kind) {
  return (kind >= Flight::Kind::START && kind <= Flight::Kind::REMOVE_LOGS) ||
         (kind >= Flight::Kind::LAUNCH && kind <= Flight::Kind::TELL_EXITED);
}

std::string toText(const Flight& flight) {
  std::string text = hasMachine(flight.kind) ? machineName(flight.machine).value() + ": " : "";
  text += verb(flight.kind);
  if (flight.generation != Generation(0)) text += of(flight.generation);
  if (flight.phase == Flight::Phase::ANSWER) text = "answer to \"" + text + "\"";
  if (flight.phase == Flight::Phase::RETRY) text = "again \"" + text + "\"";
  if (flight.fate == Flight::Fate::BROKEN) text += ": it has failed";
  if (flight.fate == Flight::Fate::FORGOTTEN) text += ", which nobody waits for any more";
  return text;
}

const char* process(uint8_t which) {
  const char* names[] = {"the server", "the agent of m1", "the agent of m2"};
  return names[which];
}

}  // namespace

std::string describe(const State& state, const Move& move) {
  auto flight = [&] { return toText(state.flights.at(move.what)); };
  auto instance = [&] {
    return machineName(move.what).value() + ":" + of(state.machines[move.what].instances.at(move.instance).generation);
  };
  const char* keepers[] = {"the supervisor", "the class", "the location"};
  const char* things[] = {"the class's only permit", "room on a machine"};
  switch (move.kind) {
    case Kind::ARRIVE: case Kind::SOME_DAY_ARRIVES: return "arrives    " + flight();
    case Kind::FACT: return "driver     " + instance() + " is told of to the machine";
    case Kind::READY: return "instance   " + instance() + " is ready";
    case Kind::ENDS: return "instance   " + instance() + " ends as it was asked to";
    case Kind::ALARM: return std::string("alarm      of ") + keepers[move.what];
    case Kind::TICK: return "time       goes on, nothing else being left";
    case Kind::FAIL: return "fails      " + flight();
    case Kind::DROP: return "is lost    " + flight();
    case Kind::ASK: return std::string("EVENT ask  ") + verb(static_cast<Flight::Kind>(move.what));
    case Kind::END: return "EVENT end  " + instance() + " ends by itself";
    case Kind::EXEC_FAILS: return "EVENT exec fails   " + flight();
    case Kind::REFUSE: return "EVENT full machine " + flight();
    case Kind::CUT: return "EVENT cut  " + flight();
    case Kind::CRASH: return std::string("EVENT crash of ") + process(move.what);
    case Kind::REBOOT: return "EVENT power fails at " + machineName(move.what).value();
    case Kind::JUMP: return "EVENT time goes on while something is under way";
    case Kind::TAKE: return std::string("EVENT a neighbour takes ") + things[move.what];
    case Kind::GIVE: return std::string("EVENT a neighbour gives back ") + things[move.what];
  }
  return "";
}

}  // namespace meridian::explore::id
