#include "runtime/actor/write-buffer.h"

#include <algorithm>

namespace meridian::actor {

namespace {

env::Row wholeRow(std::string_view key, std::string_view value) { return {key, value, env::Row::Value::WHOLE}; }

}  // namespace

std::optional<std::string> WriteBuffer::get(std::string_view key) {
  auto found = entries_.find(key);
  if (found != entries_.end()) return found->second.value;
  auto stored = reader_->get(key);
  if (!stored) return std::nullopt;
  return std::string(*stored);
}

void WriteBuffer::scan(std::string_view prefix, std::string_view after,
                       kj::FunctionParam<Visit(const env::Row&)> visitor) {
  std::string from(after.empty() ? prefix : after);
  if (!after.empty()) from.push_back('\0');   // the first key above `after`
  auto belongs = [&](std::string_view key) { return key.starts_with(prefix); };

  auto buffered = entries_.lower_bound(from);
  bool stopped = false;
  auto visitBufferedBelow = [&](std::optional<std::string_view> bound) {
    while (!stopped && buffered != entries_.end() && belongs(buffered->first) &&
           (!bound || buffered->first < *bound)) {
      auto& [key, entry] = *buffered++;
      if (entry.value && visitor(wholeRow(key, *entry.value)) == Visit::STOP) stopped = true;
    }
  };

  reader_->scan(from, [&](const env::Row& row) {
    if (!belongs(row.key())) return Visit::STOP;
    visitBufferedBelow(row.key());
    if (stopped) return Visit::STOP;
    if (buffered != entries_.end() && buffered->first == row.key()) {
      auto& [key, entry] = *buffered++;
      if (entry.value && visitor(wholeRow(key, *entry.value)) == Visit::STOP) stopped = true;
    } else if (visitor(row) == Visit::STOP) {
      stopped = true;
    }
    return stopped ? Visit::STOP : Visit::GO_ON;
  });
  visitBufferedBelow(std::nullopt);
}

void WriteBuffer::add(Lsn lsn, const std::vector<env::Write>& writes) {
  for (auto& write : writes) {
    entries_.insert_or_assign(write.key, Entry{write.value, lsn});
    order_.emplace_back(lsn, write.key);
  }
}

Lsn WriteBuffer::latest(std::string_view prefix) const {
  Lsn latest;
  for (auto entry = entries_.lower_bound(prefix); entry != entries_.end() && entry->first.starts_with(prefix); ++entry) {
    latest = std::max(latest, entry->second.lsn);
  }
  return latest;
}

void WriteBuffer::durableIs(Lsn lsn) {
  while (!order_.empty() && order_.front().first <= lsn) {
    auto found = entries_.find(order_.front().second);
    if (found != entries_.end() && found->second.lsn == order_.front().first) entries_.erase(found);
    order_.pop_front();
  }
}

void WriteBuffer::clear() {
  entries_.clear();
  order_.clear();
}

}  // namespace meridian::actor
