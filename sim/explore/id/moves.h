// The moves of a state: what may happen next. FREE is what happens by itself; time goes on freely once nothing else is left to do.
// EVENTS, which a bound counts, are:
//
//   ASK            a client or gateway asks for a lease, a start, a stop, a destroy or a rollout
//   END            an instance ends by itself with code 1
//   EXEC_FAILS     a launch fails
//   REFUSE         a machine has no room for an instance that comes
//   CUT            a call between processes fails for who made it; it may still arrive, at any time
//   CRASH          the server or an agent dies; what it has just sent may have left or not
//   REBOOT         a machine loses its power
//   JUMP           time goes on although something is still under way
//   TAKE, GIVE     an ID next to this one takes the class's only permit or a machine's only room, or gives it back
#pragma once

#include <vector>

#include "sim/explore/id/state.h"
#include "sim/explore/space.h"

namespace meridian::explore::id {

struct Move {
  enum class Kind : uint8_t {
    ARRIVE, FACT, READY, ENDS, ALARM, SOME_DAY_ARRIVES, TICK, FAIL, DROP,
    ASK, END, EXEC_FAILS, REFUSE, CUT, CRASH, REBOOT, JUMP, TAKE, GIVE,
  };
  Kind kind;
  uint8_t what = 0;                    // a flight, machine, actor, process or request
  uint8_t instance = 0;

  uint16_t number() const { return static_cast<uint16_t>(static_cast<uint16_t>(kind) << 8 | what << 2 | instance); }
  static Move of(uint16_t number) {
    return {static_cast<Kind>(number >> 8), static_cast<uint8_t>(number >> 2 & 63), static_cast<uint8_t>(number & 3)};
  }
};

// Whose alarm it is.
enum class Keeper : uint8_t { SUPERVISOR, CLASS, LOCATION };

Cost costOf(Move::Kind kind);

// In a fair order: the first free one brings the world on.
std::vector<Move> movesOf(const State& state);

// What it violates; empty: nothing.
std::string apply(State& state, const Move& move);

std::string describe(const State& state, const Move& move);

}  // namespace meridian::explore::id
