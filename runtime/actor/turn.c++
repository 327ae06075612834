#include "runtime/actor/turn.h"

#include <kj/debug.h>

namespace meridian::actor {

namespace {

void requireKey(std::string_view key) {
  KJ_REQUIRE(!key.empty() && key.size() <= Storage::KEY_MAX, "a storage key has 1 to 400 bytes", key.size());
}

constexpr size_t JOURNAL_PER_TURN_MAX = 256;   // entries

}  // namespace

std::optional<std::string> Turn::read(const std::string& key) {
  auto found = writes_.find(key);
  return found != writes_.end() ? found->second : buffer_.get(key);
}

std::optional<std::string> Turn::getBytes(std::string_view key) {
  requireKey(key);
  if (!number_) return std::nullopt;
  return read(storageKey(*number_, key));
}

void Turn::putBytes(std::string_view key, std::string_view value) {
  requireKey(key);
  KJ_REQUIRE(value.size() <= VALUE_MAX, "a stored value has at most 1 MiB", value.size());
  write(storageKey(numberForWriting(), key), std::string(value));
}

void Turn::erase(std::string_view key) {
  requireKey(key);
  if (!number_) return;
  write(storageKey(*number_, key), std::nullopt);
}

std::vector<Storage::Entry> Turn::list(const Range& range) {
  std::vector<Entry> found;
  if (!number_ || range.limit == 0) return found;
  auto prefix = storageKey(*number_, range.prefix);
  auto after = range.after.empty() ? std::string() : storageKey(*number_, range.after);
  size_t keyStart = storageKey(*number_, "").size();

  // Three layers: this turn's writes over the buffer over the store. The buffer merges the lower two.
  auto own = after.empty() ? writes_.lower_bound(prefix) : writes_.upper_bound(std::max(after, prefix));
  auto take = [&](const std::string& key, const std::optional<std::string>& value) {
    if (value) found.push_back({key.substr(keyStart), *value});
    return found.size() >= range.limit;
  };
  auto ownBelow = [&](std::string_view bound) {
    while (own != writes_.end() && own->first.starts_with(prefix) && own->first < bound) {
      auto& [key, value] = *own++;
      if (take(key, value)) return true;
    }
    return false;
  };
  bool full = false;
  buffer_.scan(prefix, after, [&](const env::Row& row) {
    full = ownBelow(row.key());
    if (full) return WriteBuffer::Visit::STOP;
    if (own != writes_.end() && own->first == row.key()) {
      full = take(own->first, own->second);
      own++;
    } else {
      full = take(std::string(row.key()), std::string(row.value()));
    }
    return full ? WriteBuffer::Visit::STOP : WriteBuffer::Visit::GO_ON;
  });
  while (!full && own != writes_.end() && own->first.starts_with(prefix)) {
    auto& [key, value] = *own++;
    full = take(key, value);
  }
  return found;
}

std::optional<AlarmRow> Turn::alarmRow() {
  if (alarm_) return *alarm_;
  if (!number_) return std::nullopt;
  auto stored = read(alarmKey(*number_));
  if (!stored) return std::nullopt;
  return decodeAlarm(*stored);
}

std::optional<Instant> Turn::alarm() {
  auto row = alarmRow();
  if (!row) return std::nullopt;
  return row->at;
}

void Turn::writeAlarm(std::optional<AlarmRow> alarm) {
  auto before = alarmRow();
  if (!before && !alarm) return;
  auto number = numberForWriting();
  if (before) write(alarmIndexKey(before->at, number), std::nullopt);
  if (alarm) {
    write(alarmIndexKey(alarm->at, number), encodeAddress(self_));
    write(alarmKey(number), encodeAlarm(*alarm));
  } else {
    write(alarmKey(number), std::nullopt);
  }
  alarm_ = alarm;
}

void Turn::journal(std::string_view bytes) {
  KJ_REQUIRE(bytes.size() <= VALUE_MAX, "a journal entry has at most 1 MiB", bytes.size());
  KJ_REQUIRE(journal_.size() < JOURNAL_PER_TURN_MAX, "a turn writes at most 256 journal entries");
  journal_.emplace_back(bytes);
}

void Turn::write(std::string key, std::optional<std::string> value) {
  bytes_ += key.size() + (value ? value->size() : 0);
  KJ_REQUIRE(bytes_ <= TURN_BYTES_MAX, "a turn writes at most 16 MiB", bytes_);
  writes_.insert_or_assign(kj::mv(key), kj::mv(value));
}

ActorNumber Turn::numberForWriting() {
  if (!number_) {
    number_ = fresh_;
    write(nameKey(self_), encodeNumber(fresh_));
  }
  return *number_;
}

env::WriteSet Turn::take(env::Epoch epoch) {
  env::WriteSet set;
  set.epoch = epoch;
  set.writes.reserve(writes_.size());
  while (!writes_.empty()) {
    auto node = writes_.extract(writes_.begin());
    set.writes.push_back({kj::mv(node.key()), kj::mv(node.mapped())});
  }
  set.journal = kj::mv(journal_);
  return set;
}

}  // namespace meridian::actor
