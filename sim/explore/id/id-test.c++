#include <catch2/catch.hpp>

#include <set>

#include "sim/explore/id/codec.h"
#include "sim/explore/id/moves.h"
#include "sim/explore/id/space.h"
#include "sim/explore/search.h"

namespace meridian::explore::id {
namespace {

// All states within one event, as bytes.
std::set<std::string> statesOfOneEvent() {
  IdSpace space;
  std::set<std::string> met;
  std::vector<std::pair<std::string, Events>> waiting = {{space.start(), Events::TOO}};
  met.insert(space.start());
  while (!waiting.empty()) {
    auto [state, events] = waiting.back();
    waiting.pop_back();
    auto left = events;
    space.moves(state, events, [&](Next&& next) {
      REQUIRE(next.flaw == "");
      auto after = next.cost == Cost::EVENT ? Events::LEFT_OUT : left;
      if (met.insert(next.state).second) waiting.emplace_back(next.state, after);
    });
  }
  return met;
}

// Wakes the ID and does what is first to be done until nothing is.
State wakeAndRest(State state) {
  auto moves = movesOf(state);
  auto ask = std::find_if(moves.begin(), moves.end(), [](const Move& move) { return move.kind == Move::Kind::ASK; });
  REQUIRE(apply(state, *ask) == "");
  for (state = decode(encode(state)); costOf(movesOf(state).front().kind) == Cost::FREE; state = decode(encode(state))) {
    REQUIRE(apply(state, movesOf(state).front()) == "");
  }
  return state;
}

TEST_CASE("a state that is read back is written alike") {
  auto states = statesOfOneEvent();
  CHECK(states.size() > 100);
  for (auto& state: states) REQUIRE(encode(decode(state)) == state);
}

TEST_CASE("an ID that wakes and sleeps again and again comes to be like it was: only the order of generations counts") {
  std::set<std::string> met;
  auto state = decode(IdSpace().start());
  constexpr size_t WAKES = 10;
  for (size_t i = 0; i < WAKES; ++i) {
    met.insert(encode(state));
    state = wakeAndRest(state);
  }
  CHECK(met.size() < WAKES / 2);
}

TEST_CASE("callers of one kind are alike, and what is under way has no order") {
  auto state = decode(IdSpace().start());
  auto other = state;
  using Kind = Flight::Kind;
  auto ask = [](State& state, Kind kind, uint64_t token) {
    Flight flight;
    flight.kind = kind;
    flight.token = CallToken(token);
    state.waiting.emplace(flight.token, kind);
    state.flights.push_back(flight);
  };
  ask(state, Kind::ASK_LEASE, 1);
  ask(state, Kind::ASK_STOP, 2);
  ask(other, Kind::ASK_STOP, 7);
  ask(other, Kind::ASK_LEASE, 9);
  CHECK(encode(state) == encode(other));
  ask(other, Kind::ASK_LEASE, 10);
  CHECK(encode(state) != encode(other));
}

TEST_CASE("within an event nothing is violated, in either order of search") {
  IdSpace first, last;
  auto one = search(first, {.events = 1, .order = Order::FEWEST_MOVES_FIRST});
  auto other = search(last, {.events = 1, .order = Order::LAST_MET_FIRST});
  CHECK(!one.violation);
  CHECK(!other.violation);
  CHECK(one.cutShort == "");
  CHECK(one.states == other.states);
  CHECK(one.transitions == other.transitions);
  CHECK(one.states > 100);
}

TEST_CASE("a trace has a line for each of its moves") {
  IdSpace space;
  std::vector<uint16_t> path;
  auto state = decode(space.start());
  auto moves = movesOf(state);
  auto move = *std::find_if(moves.begin(), moves.end(), [](const Move& move) { return move.kind == Move::Kind::ASK; });
  for (int i = 0; i < 20; ++i) {
    path.push_back(move.number());
    REQUIRE(apply(state, move) == "");
    state = decode(encode(state));
    move = movesOf(state).front();
  }
  auto lines = space.describe(path);
  REQUIRE(lines.size() == path.size());
  CHECK(lines[0] == "EVENT ask  lease");
  CHECK(lines[1] == "arrives    lease");
  for (auto& line: lines) CHECK(line != "");
}

}  // namespace
}  // namespace meridian::explore::id
