#include <catch2/catch.hpp>

#include "sim/explore/search.h"
#include "sim/explore/transfer/life.h"
#include "sim/explore/transfer/space.h"

namespace meridian::explore::transfer {
namespace {

void finish(Life& life) {
  for (auto steps = life.steps(); !steps.empty() && !isEvent(steps.front()); steps = life.steps()) {
    REQUIRE(life.take(steps.front()) == "");
  }
}

TEST_CASE("without events the money is moved in one life, one commit, one way") {
  TransferSpace space;
  auto result = search(space, {.events = 0});
  CHECK(!result.violation);
  CHECK(result.cutShort == "");
  CHECK(result.transitions + 1 == result.states);
  CHECK(result.depth + 1 == result.states);
}

TEST_CASE("what a life leaves is where the next one begins, and the money is moved once in all of them") {
  actor::ActorSystem system;
  Log log;
  Left left;
  {
    Life first(system, left, log);
    while (first.steps().front() == Step::RUN) REQUIRE(first.take(Step::RUN) == "");
    REQUIRE(first.steps().front() == Step::COMMIT);
    REQUIRE(first.take(Step::COMMIT) == "");
    left = first.leaves();
  }
  CHECK(left.lives == 1);
  CHECK(!left.wasTold);
  CHECK(!left.rows.empty());
  {
    Life second(system, left, log);
    finish(second);
    CHECK(second.flawAtRest() == "");
    left = second.leaves();
  }
  CHECK(left.wasTold);
}

TEST_CASE("a life that was cut off is not at rest") {
  actor::ActorSystem system;
  Log log;
  Life life(system, {}, log);
  REQUIRE(life.take(Step::RUN) == "");
  CHECK(life.flawAtRest() == "the client is never told");
}

TEST_CASE("a disk on which money is missing is a flaw") {
  actor::ActorSystem system;
  Log log;
  Left left;
  {
    Life life(system, left, log);
    finish(life);
    left = life.leaves();
  }
  // The balance of who took: the only value of eight bytes that is AMOUNT.
  int64_t amount = AMOUNT;
  std::string four(reinterpret_cast<char*>(&amount), sizeof amount);
  size_t changed = 0;
  for (auto& [key, value]: left.rows) {
    if (value != four) continue;
    value[0] = AMOUNT - 1;
    ++changed;
  }
  REQUIRE(changed == 1);
  left.wasTold = false;
  Life life(system, left, log);
  CHECK(life.take(Step::READ).find("instead of") != std::string::npos);
}

}  // namespace
}  // namespace meridian::explore::transfer
