// Sweep: visits the rows of a map in key order, a bounded number at a time, so that an alarm never does unbounded work. Where
// the sweep stands is a key, which the caller keeps durable: rows may come and go between two batches.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace meridian {

template <typename Key>
struct SweepBatch {
  std::vector<Key> due;
  std::optional<Key> last;     // the next batch starts after it; absent: the round is done
};

// Visits at most `rowsMax` (at least 1) rows after `after` and returns those for which `isDue(row)` holds.
template <typename Key, typename Row, typename IsDue>
SweepBatch<Key> sweep(const std::map<Key, Row>& rows, const std::optional<Key>& after, size_t rowsMax, IsDue isDue) {
  SweepBatch<Key> batch;
  auto row = after ? rows.upper_bound(*after) : rows.begin();
  for (size_t visited = 0; visited < rowsMax && row != rows.end(); ++visited, ++row) {
    if (isDue(row->second)) batch.due.push_back(row->first);
    batch.last = row->first;
  }
  if (row == rows.end()) batch.last.reset();
  return batch;
}

}  // namespace meridian
