// search(): visits every state of a space that can be reached with a bounded number of events, each once, and says whether one of them
// violates something. Free moves cost nothing, so states are met with the fewest events first and, within those, with the fewest
// moves: the trace to a violation is the shortest in that order.
//
// Besides what the space finds wrong with a move or a state, it looks for worlds that never come to rest: those in which the first free
// move, taken again and again, leads round in a circle; the trace leads to that.
//
// It ends early, and says so, when it has used its memory or its time; nothing is ever left out without a word. A state costs
// 38 bytes for ever (visited.h) and, as long as it is still to be expanded, its own bytes.
#pragma once

#include <chrono>
#include <optional>

#include "sim/explore/space.h"

namespace meridian::explore {

// Within one number of events; it changes which trace is found, never what is met.
enum class Order { FEWEST_MOVES_FIRST, LAST_MET_FIRST };

struct Bounds {
  uint32_t events = 1;
  uint64_t bytesMax = 1500ull << 20;
  std::chrono::milliseconds timeMax = std::chrono::hours(24 * 365);
  Order order = Order::FEWEST_MOVES_FIRST;
};

struct Violation {
  std::string flaw;
  uint32_t events = 0;
  std::vector<uint16_t> moves;
};

struct Result {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint32_t depth = 0;                  // moves of the longest of the paths by which states were first met
  uint32_t events = 0;                 // all states within so many were visited
  std::optional<Violation> violation;  // the search ends at the first
  std::string cutShort;                // by which bound; empty: it is exhaustive, or ended at a violation
};

Result search(Space& space, const Bounds& bounds);

}  // namespace meridian::explore
