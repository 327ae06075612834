#include "sim/explore/visited.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"

namespace meridian::explore {

namespace {

constexpr size_t FIRST_TABLE = 1 << 12;

}  // namespace

Visited::Visited(): table_(FIRST_TABLE, NO_STATE) {}

Visited::Met Visited::meet(const Hash& hash, StateIndex from, uint16_t move) {
  if (3 * states_.size() >= 2 * table_.size()) grow();
  State state;
  memcpy(state.hash, &hash, sizeof state.hash);
  state.from = from;
  state.firstFree = NO_STATE;
  state.move = move;
  auto at = place(state);
  if (table_[at] != NO_STATE) return {table_[at], false};
  check(states_.size() < NO_STATE, "a search meets fewer than 2^32 states");
  table_[at] = static_cast<StateIndex>(states_.size());
  states_.push_back(state);
  return {table_[at], true};
}

std::vector<uint16_t> Visited::pathTo(StateIndex index) const {
  std::vector<uint16_t> path;
  for (; states_[index].from != NO_STATE; index = states_[index].from) path.push_back(states_[index].move);
  std::reverse(path.begin(), path.end());
  return path;
}

// Where the state is, or would be.
size_t Visited::place(const State& state) const {
  size_t mask = table_.size() - 1;
  uint64_t first;
  memcpy(&first, state.hash, sizeof first);
  for (size_t at = first & mask;; at = (at + 1) & mask) {
    if (table_[at] == NO_STATE || memcmp(states_[table_[at]].hash, state.hash, sizeof state.hash) == 0) return at;
  }
}

void Visited::grow() {
  table_.assign(2 * table_.size(), NO_STATE);
  for (size_t i = 0; i < states_.size(); ++i) table_[place(states_[i])] = static_cast<StateIndex>(i);
}

}  // namespace meridian::explore
