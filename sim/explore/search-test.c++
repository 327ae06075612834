#include <catch2/catch.hpp>

#include <algorithm>

#include "sim/explore/hash.h"
#include "sim/explore/search.h"

namespace meridian::explore {
namespace {

// Two counters of a byte each. Each counts up to three by itself; an event sets the first back to nothing.
class Counters: public Space {
 public:
  static constexpr char MOST = 3;

  std::string start() override { return std::string(2, '\0'); }

  void moves(std::string_view state, Events events, const std::function<void(Next&&)>& visit) override {
    for (uint16_t which = 0; which < 2; ++which) {
      if (state[which] >= MOST) continue;
      std::string next(state);
      ++next[which];
      visit({which, Cost::FREE, next, next == forbidden ? "forbidden" : ""});
    }
    if (events == Events::TOO) visit({SET_BACK, Cost::EVENT, std::string{'\0', state[1]}, ""});
  }

  std::string flawAtRest(std::string_view) override { return flawOfRest; }

  std::vector<std::string> describe(const std::vector<uint16_t>& moves) override {
    std::vector<std::string> lines;
    for (auto move: moves) lines.push_back(std::to_string(move));
    return lines;
  }

  static constexpr uint16_t SET_BACK = 2;
  std::string forbidden = "none";
  std::string flawOfRest;
};

// It goes round in a circle once an event has let it.
class Roundabout: public Space {
 public:
  std::string start() override { return "0"; }
  void moves(std::string_view state, Events events, const std::function<void(Next&&)>& visit) override {
    if (state == "0" && events == Events::TOO) visit({0, Cost::EVENT, "1", ""});
    if (state == "1") visit({1, Cost::FREE, "2", ""});
    if (state == "2") visit({2, Cost::FREE, "1", ""});
  }
  std::string flawAtRest(std::string_view) override { return ""; }
  std::vector<std::string> describe(const std::vector<uint16_t>&) override { return {}; }
};

TEST_CASE("each state of a small space is met once, and all of its moves are made") {
  Counters counters;
  auto result = search(counters, {.events = 0});
  CHECK(result.states == 16);
  CHECK(result.transitions == 24);     // three steps in each of four rows and four columns
  CHECK(result.depth == 6);
  CHECK(!result.violation);
  CHECK(result.cutShort == "");
}

TEST_CASE("an event that leads to states met before adds transitions, not states") {
  Counters counters;
  auto result = search(counters, {.events = 1});
  CHECK(result.states == 16);
  CHECK(result.transitions == 24 + 16);
  CHECK(result.events == 0);           // the second layer is empty: more events would add nothing
}

TEST_CASE("what is met does not depend on the order") {
  for (uint32_t events = 0; events < 3; ++events) {
    Counters first, last;
    auto one = search(first, {.events = events, .order = Order::FEWEST_MOVES_FIRST});
    auto other = search(last, {.events = events, .order = Order::LAST_MET_FIRST});
    CHECK(one.states == other.states);
    CHECK(one.transitions == other.transitions);
  }
}

TEST_CASE("the trace to a violation is the shortest") {
  Counters counters;
  counters.forbidden = {'\2', '\1'};
  auto result = search(counters, {.events = 2});
  REQUIRE(result.violation);
  CHECK(result.violation->flaw == "forbidden");
  CHECK(result.violation->events == 0);
  REQUIRE(result.violation->moves.size() == 3);
  CHECK(std::count(result.violation->moves.begin(), result.violation->moves.end(), 0) == 2);
  CHECK(std::count(result.violation->moves.begin(), result.violation->moves.end(), 1) == 1);
}

TEST_CASE("a state at rest is judged") {
  Counters counters;
  counters.flawOfRest = "not done";
  auto result = search(counters, {.events = 0});
  REQUIRE(result.violation);
  CHECK(result.violation->flaw == "not done");
  CHECK(result.violation->moves.size() == 6);
}

TEST_CASE("a world that goes round in a circle never comes to rest, and is found within the events that lead there") {
  Roundabout without, with;
  CHECK(!search(without, {.events = 0}).violation);
  auto result = search(with, {.events = 1});
  REQUIRE(result.violation);
  CHECK(result.violation->flaw.find("never comes to rest") != std::string::npos);
  CHECK(result.violation->events == 1);
  CHECK(result.violation->moves == std::vector<uint16_t>{0});
}

TEST_CASE("a search that has used its memory says that it is not exhaustive") {
  Counters counters;
  auto result = search(counters, {.events = 0, .bytesMax = 200});
  CHECK(result.cutShort.find("memory") != std::string::npos);
  CHECK(result.states < 16);
}

TEST_CASE("hashes of states that differ in one bit, or in length, differ in both halves") {
  std::string state(100, 'x');
  auto whole = hashOf(state);
  for (size_t bit = 0; bit < 8 * state.size(); ++bit) {
    auto other = state;
    other[bit / 8] ^= static_cast<char>(1 << bit % 8);
    CHECK(hashOf(other).high != whole.high);
    CHECK(hashOf(other).low != whole.low);
  }
  for (size_t size = 0; size < 100; ++size) {
    std::string zeros(size, '\0');
    CHECK(!(hashOf(zeros) == hashOf(zeros + '\0')));
  }
}

}  // namespace
}  // namespace meridian::explore
