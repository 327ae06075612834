#include "runtime/container/shim/generations.h"

#include <catch2/catch.hpp>

namespace meridian::shim {

namespace {

ContainerId id(size_t number) { return {ClassName("Sandbox"), std::to_string(number)}; }

}  // namespace

TEST_CASE("the newest generation of an ID is known") {
  Generations generations;
  CHECK(generations.last(id(1)) == Generation(0));
  generations.remember(id(1), Generation(3));
  generations.remember(id(1), Generation(5));
  CHECK(generations.last(id(1)) == Generation(5));
  CHECK(generations.last(id(2)) == Generation(0));
}

TEST_CASE("when there are too many IDs the one launched longest ago is forgotten") {
  Generations generations;
  for (size_t number = 0; number < Generations::CAPACITY; ++number) generations.remember(id(number), Generation(1));
  generations.remember(id(0), Generation(2));
  generations.remember(id(Generations::CAPACITY), Generation(1));
  CHECK(generations.last(id(0)) == Generation(2));
  CHECK(generations.last(id(1)) == Generation(0));
  CHECK(generations.last(id(2)) == Generation(1));
}

}  // namespace meridian::shim
