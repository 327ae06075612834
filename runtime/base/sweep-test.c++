#include "runtime/base/sweep.h"

#include <catch2/catch.hpp>

#include <string>

namespace meridian {
namespace {

using Rows = std::map<std::string, int>;

bool isOdd(int row) { return row % 2 == 1; }

TEST_CASE("a sweep visits each row once, a bounded number at a time, and then is done") {
  Rows rows = {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 5}, {"e", 7}};
  for (size_t rowsMax = 1; rowsMax <= 6; ++rowsMax) {
    std::vector<std::string> due;
    std::optional<std::string> after;
    size_t batches = 0;
    do {
      auto batch = sweep(rows, after, rowsMax, isOdd);
      due.insert(due.end(), batch.due.begin(), batch.due.end());
      CHECK(batch.due.size() <= rowsMax);
      after = batch.last;
      ++batches;
    } while (after);
    CHECK(due == std::vector<std::string>{"a", "c", "d", "e"});
    CHECK(batches == (rows.size() + rowsMax - 1) / rowsMax);
  }
}

TEST_CASE("rows may come and go between two batches") {
  Rows rows = {{"a", 1}, {"b", 1}, {"c", 1}};
  auto first = sweep(rows, std::optional<std::string>(), 2, isOdd);
  CHECK(first.last == "b");
  rows.erase("b");
  rows["bb"] = 1;
  CHECK(sweep(rows, first.last, 2, isOdd).due == std::vector<std::string>{"bb", "c"});
}

TEST_CASE("a sweep over nothing is done at once") {
  CHECK(!sweep(Rows(), std::optional<std::string>("x"), 2, isOdd).last);
}

}  // namespace
}  // namespace meridian
