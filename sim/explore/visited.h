// Visited: the states that a search has met, by hash, and how each was first reached. A state costs 28 bytes and its share of a table of
// 4-byte entries that is between a third and two thirds full: about 38 bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/explore/hash.h"

namespace meridian::explore {

using StateIndex = uint32_t;
inline constexpr StateIndex NO_STATE = UINT32_MAX;

class Visited {
 public:
  static constexpr uint64_t BYTES_PER_STATE = 38;

  struct Met { StateIndex index; bool isNew; };

  Visited();

  // A new one is entered with how it was reached.
  Met meet(const Hash& hash, StateIndex from, uint16_t move);

  size_t size() const { return states_.size(); }

  // The moves that lead from the first state to this one.
  std::vector<uint16_t> pathTo(StateIndex index) const;

  // Where a state's first free move leads; NO_STATE: it is at rest.
  void setFirstFree(StateIndex index, StateIndex to) { states_[index].firstFree = to; }
  StateIndex firstFree(StateIndex index) const { return states_[index].firstFree; }

 private:
  // In words of 4 bytes, lest the padding of an 8-byte one be kept too.
  struct State {
    uint32_t hash[4];
    StateIndex from;
    StateIndex firstFree;
    uint16_t move;
  };

  void grow();
  size_t place(const State& state) const;

  std::vector<State> states_;
  std::vector<StateIndex> table_;      // open addressing; its size is a power of two
};

}  // namespace meridian::explore
