// Supervisors and machines against each other, over many seeds: MERIDIAN_SEEDS=N runs the first N, MERIDIAN_SEED=S only S.

#include <catch2/catch.hpp>

#include <cstdlib>

#include "tests/interplay/world.h"

namespace meridian::interplay {
namespace {

uint64_t numberFrom(const char* variable, uint64_t otherwise) {
  auto text = getenv(variable);
  return text ? strtoull(text, nullptr, 10) : otherwise;
}

TEST_CASE("under lost, late and doubled messages and crashes there are never two, every request ends, and nothing is left") {
  auto only = numberFrom("MERIDIAN_SEED", 0);
  auto first = only ? only : 1;
  auto last = only ? only : numberFrom("MERIDIAN_SEEDS", 3000);
  size_t starts = 0, crashes = 0;
  for (auto seed = first; seed <= last; ++seed) {
    World world(seed);
    INFO("seed " << seed);
    world.run();
    REQUIRE(world.complaint == "");
    starts += world.starts;
    crashes += world.crashes;
  }
  if (!only) {
    CHECK(starts > last);        // the worlds really do something
    CHECK(crashes > last);
  }
}

TEST_CASE("the same seed gives the same world") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World first(seed), second(seed);
    first.run();
    second.run();
    CHECK(first.now == second.now);
    CHECK(first.starts == second.starts);
    CHECK(first.crashes == second.crashes);
    CHECK(first.random.next() == second.random.next());
  }
}

}  // namespace
}  // namespace meridian::interplay
