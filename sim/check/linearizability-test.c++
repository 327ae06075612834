#include <algorithm>

#include <catch2/catch.hpp>

#include "runtime/base/random.h"
#include "sim/check/queue-model.h"
#include "sim/check/register-model.h"

namespace meridian::sim {
namespace {

using Register = Operation<RegisterModel>;
using Kind = RegisterModel::Input::Kind;

Register read(uint64_t called, uint64_t returned, int64_t was) { return {{Kind::READ, 0, 0}, was, called, returned}; }
Register write(uint64_t called, uint64_t returned, int64_t value, int64_t was) { return {{Kind::WRITE, value, 0}, was, called, returned}; }
Register writeInDoubt(uint64_t called, int64_t value) { return {{Kind::WRITE, value, 0}, std::nullopt, called, 0}; }
Register swap(uint64_t called, uint64_t returned, int64_t expected, int64_t value, int64_t was) {
  return {{Kind::COMPARE_AND_SET, value, expected}, was, called, returned};
}

Linearity verdict(std::vector<Register> operations, size_t triesMax = 1'000'000) { return judge<RegisterModel>(operations, 0, triesMax); }

TEST_CASE("one after another is linearizable, and a stale read after a write is not") {
  CHECK(verdict({}) == Linearity::LINEARIZABLE);
  CHECK(verdict({write(1, 2, 5, 0), read(3, 4, 5)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({write(1, 2, 5, 0), read(3, 4, 0)}) == Linearity::NOT_LINEARIZABLE);
}

TEST_CASE("a read beside a write may see either, but no two reads may see it come and go") {
  CHECK(verdict({write(1, 4, 5, 0), read(2, 3, 0)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({write(1, 4, 5, 0), read(2, 3, 5)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({write(1, 6, 5, 0), read(2, 3, 5), read(4, 5, 0)}) == Linearity::NOT_LINEARIZABLE);
}

TEST_CASE("a write in doubt takes effect at any later time, or never, but once") {
  CHECK(verdict({writeInDoubt(1, 5), read(2, 3, 0), read(4, 5, 5)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({writeInDoubt(1, 5), read(2, 3, 0), read(4, 5, 0)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({writeInDoubt(1, 5), read(2, 3, 5), write(4, 5, 6, 5), read(6, 7, 5)}) == Linearity::NOT_LINEARIZABLE);
  CHECK(verdict({read(1, 2, 5), writeInDoubt(3, 5)}) == Linearity::NOT_LINEARIZABLE);
}

TEST_CASE("one in doubt may explain another in doubt, which somebody has seen") {
  Register swapInDoubt{{Kind::COMPARE_AND_SET, 6, 5}, std::nullopt, 2, 0};
  std::vector<Register> operations{writeInDoubt(1, 5), swapInDoubt, read(3, 4, 6)};
  CHECK(judge<RegisterModel>(RegisterModel::relevant(operations), 0, 1'000) == Linearity::LINEARIZABLE);
}

TEST_CASE("of two that compare and set with one expectation, one alone succeeds") {
  CHECK(verdict({swap(1, 4, 0, 5, 0), swap(2, 3, 0, 6, 5)}) == Linearity::LINEARIZABLE);
  CHECK(verdict({swap(1, 4, 0, 5, 0), swap(2, 3, 0, 6, 0)}) == Linearity::NOT_LINEARIZABLE);
}

TEST_CASE("many reads beside many writes are judged at once, also when no order explains them") {
  std::vector<Register> operations;
  for (uint64_t i = 1; i <= 40; ++i) operations.push_back(read(i, 1'000 + i, 0));
  for (uint64_t i = 1; i <= 6; ++i) operations.push_back(write(100 + i, 2'000 + i, static_cast<int64_t>(i), static_cast<int64_t>(i - 1)));
  CHECK(verdict(operations, 10'000) == Linearity::LINEARIZABLE);
  operations.push_back(read(3'000, 3'001, 5));
  CHECK(verdict(operations, 10'000) == Linearity::NOT_LINEARIZABLE);
}

TEST_CASE("a search that is too long says that it gave up") {
  std::vector<Register> operations;
  for (uint64_t i = 1; i <= 12; ++i) operations.push_back(write(i, 100 + i, static_cast<int64_t>(i), 50));
  CHECK(verdict(operations, 5) == Linearity::GAVE_UP);
  CHECK(verdict(operations) == Linearity::NOT_LINEARIZABLE);
}

using Queue = Operation<QueueModel>;
using QueueKind = QueueModel::Input::Kind;

Queue put(uint64_t called, uint64_t returned, std::string key, std::string value, QueueModel::Rows replaced = {}) {
  return {{QueueKind::PUT, std::move(key), std::move(value)}, std::move(replaced), called, returned};
}
Queue pop(uint64_t called, uint64_t returned, QueueModel::Rows taken) { return {{QueueKind::POP, "", "", 1}, std::move(taken), called, returned}; }
Queue list(uint64_t called, uint64_t returned, QueueModel::Rows found, std::string after = "") {
  return {{QueueKind::LIST, std::move(after), ""}, std::move(found), called, returned};
}

Linearity verdict(std::vector<Queue> operations) { return judge<QueueModel>(operations, {}, 1'000'000); }

TEST_CASE("a queue gives its lowest row once, and lists what it has") {
  CHECK(verdict({put(1, 2, "b", "1"), put(3, 4, "a", "2"), pop(5, 6, {{"a", "2"}}), list(7, 8, {{"b", "1"}})}) == Linearity::LINEARIZABLE);
  CHECK(verdict({put(1, 2, "b", "1"), pop(3, 6, {{"b", "1"}}), pop(4, 5, {{"b", "1"}})}) == Linearity::NOT_LINEARIZABLE);
  CHECK(verdict({put(1, 2, "b", "1"), put(3, 4, "a", "2"), pop(5, 6, {{"b", "1"}})}) == Linearity::NOT_LINEARIZABLE);
  CHECK(verdict({put(1, 2, "a", "1"), list(3, 4, {})}) == Linearity::NOT_LINEARIZABLE);
  CHECK(verdict({put(1, 2, "a", "1"), put(3, 4, "b", "2"), list(5, 6, {{"b", "2"}}, "a")}) == Linearity::LINEARIZABLE);
}

TEST_CASE("a row that vanished was taken by a pop in doubt, or by nobody") {
  Queue inDoubt{{QueueKind::POP, "", "", 1}, std::nullopt, 3, 0};
  CHECK(verdict({put(1, 2, "a", "1"), inDoubt, list(4, 5, {})}) == Linearity::LINEARIZABLE);
  CHECK(verdict({put(1, 2, "a", "1"), inDoubt, list(4, 5, {{"a", "1"}})}) == Linearity::LINEARIZABLE);
  CHECK(verdict({put(1, 2, "a", "1"), put(4, 5, "b", "2"), inDoubt, list(6, 7, {})}) == Linearity::NOT_LINEARIZABLE);
}

// A register that does one thing at a time, at a moment drawn between call and return; some calls are never answered.
std::vector<Register> drawHistory(Random& random) {
  struct Moment {
    uint64_t at;
    size_t operation;
  };
  std::vector<Register> operations;
  std::vector<Moment> effects;
  for (int64_t i = 0; i < 60; ++i) {
    auto called = 1 + random.below(100'000) * 8 + static_cast<uint64_t>(i % 8);
    auto effect = called + 8 * (1 + random.below(5'000));
    Register operation{{static_cast<Kind>(1 + random.below(3)), i + 1, static_cast<int64_t>(random.below(60))}, 0, called,
                       effect + 8 * (1 + random.below(5'000))};
    operations.push_back(operation);
    effects.push_back({effect, operations.size() - 1});
  }
  std::sort(effects.begin(), effects.end(), [](auto& left, auto& right) { return left.at < right.at; });
  int64_t state = 0;
  for (auto& effect: effects) {
    auto& operation = operations[effect.operation];
    bool inDoubt = random.below(8) == 0;
    if (inDoubt && random.below(2) == 0) {
      operation.output = std::nullopt;
      continue;
    }
    auto before = state;
    RegisterModel::apply(state, operation.input, nullptr);
    operation.output = inDoubt ? std::nullopt : std::optional(before);
  }
  return operations;
}

TEST_CASE("what one register did is linearizable, and with one answer altered it seldom is") {
  Random random(1);
  int caught = 0;
  for (int round = 0; round < 300; ++round) {
    auto operations = drawHistory(random);
    REQUIRE(judge<RegisterModel>(operations, 0, 1'000'000) == Linearity::LINEARIZABLE);
    REQUIRE(judge<RegisterModel>(RegisterModel::relevant(operations), 0, 1'000'000) == Linearity::LINEARIZABLE);
    auto& altered = operations[random.below(operations.size())];
    if (!altered.output) continue;
    altered.output = *altered.output + 1;
    auto whole = judge<RegisterModel>(operations, 0, 1'000'000);
    // Leaving out what nobody saw changes no verdict.
    CHECK(judge<RegisterModel>(RegisterModel::relevant(operations), 0, 1'000'000) == whole);
    if (whole == Linearity::NOT_LINEARIZABLE) ++caught;
  }
  CHECK(caught > 200);
}

}  // namespace
}  // namespace meridian::sim
