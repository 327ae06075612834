#include "sim/explore/id/space.h"

#include "runtime/base/check.h"
#include "sim/explore/id/checks.h"
#include "sim/explore/id/codec.h"
#include "sim/explore/id/moves.h"
#include "sim/explore/id/turns.h"

namespace meridian::explore::id {

namespace {

// The agents have come up and have nothing left to do.
State settledState() {
  auto state = firstState();
  Turns turns(state);
  for (uint8_t i = 0; i < MACHINES; ++i) turns.load(i);
  for (auto moves = movesOf(state); costOf(moves.front().kind) == Cost::FREE; moves = movesOf(state)) {
    auto flaw = apply(state, moves.front());
    check(flaw.empty(), flaw);
    state = decode(encode(state));
  }
  return state;
}

}  // namespace

std::string IdSpace::start() { return encode(settledState()); }

void IdSpace::moves(std::string_view bytes, Events events, const std::function<void(Next&&)>& visit) {
  auto state = decode(bytes);
  for (auto& move: movesOf(state)) {
    if (costOf(move.kind) == Cost::EVENT && events == Events::LEFT_OUT) continue;
    auto next = decode(bytes);
    auto flaw = apply(next, move);
    visit({move.number(), costOf(move.kind), flaw.empty() ? encode(next) : "", flaw});
  }
}

std::string IdSpace::flawAtRest(std::string_view state) { return id::flawAtRest(decode(state)); }

// With the real numbers of generations, so a state is not the one that the search saw, but in all else like it.
std::vector<std::string> IdSpace::describe(const std::vector<uint16_t>& moves) {
  std::vector<std::string> lines;
  auto bytes = encode(settledState(), Numbers::KEPT);
  for (auto number: moves) {
    auto state = decode(bytes);
    auto move = Move::of(number);
    lines.push_back(id::describe(state, move));
    if (apply(state, move).empty()) bytes = encode(state, Numbers::KEPT);
  }
  return lines;
}

}  // namespace meridian::explore::id
