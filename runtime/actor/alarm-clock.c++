#include "runtime/actor/alarm-clock.h"

#include <kj/string.h>
#include <spdlog/spdlog.h>

#include "runtime/actor/store-keys.h"

namespace meridian::actor {

AlarmClock::AlarmClock(env::Clock& clock, WriteBuffer& buffer, kj::Function<bool(const Address&)> mine,
                       kj::Function<void(const Address&, Instant)> due,
                       kj::Function<void(const Address&, kj::StringPtr)> damaged)
    : clock_(clock), buffer_(buffer), mine_(kj::mv(mine)), due_(kj::mv(due)), damaged_(kj::mv(damaged)) {}

void AlarmClock::set(const Address& address, std::optional<Instant> at) {
  auto found = byActor_.find(address);
  if (found != byActor_.end()) {
    byTime_.erase({found->second, address});
    byActor_.erase(found);
  }
  if (at && *at <= horizon_) {
    byActor_.emplace(address, *at);
    byTime_.emplace(*at, address);
  }
  arm();
}

void AlarmClock::reload() {
  byActor_.clear();
  byTime_.clear();
  readHorizon(clock_.now());
  arm();
}

void AlarmClock::readHorizon(Instant now) {
  horizon_ = now + HORIZON;
  buffer_.beginReads();
  buffer_.scan(alarmIndexPrefix(), {}, [&](const env::Row& row) {
    auto at = alarmIndexTime(row.key());
    if (at > horizon_) return WriteBuffer::Visit::STOP;
    if (row.isDamaged()) {
      readDamaged(row.key());
      return WriteBuffer::Visit::GO_ON;
    }
    auto address = decodeAddress(row.value());
    if (mine_(address)) {
      byTime_.emplace(at, address);
      byActor_.insert_or_assign(kj::mv(address), at);
    }
    return WriteBuffer::Visit::GO_ON;
  });
  buffer_.endReads();
}

// Whose alarm it is stands in the value that cannot be read; the key has only the number. Slow, and rare.
void AlarmClock::readDamaged(std::string_view key) {
  auto wanted = encodeNumber(alarmIndexActor(key));
  bool found = false;
  buffer_.scan(allNamesPrefix(), {}, [&](const env::Row& row) {
    found = !row.isDamaged() && row.value() == wanted;
    if (!found) return WriteBuffer::Visit::GO_ON;
    auto address = nameKeyAddress(row.key());
    if (mine_(address)) damaged_(address, kj::str("a stored value is damaged: ", describeKey(key).c_str()));
    return WriteBuffer::Visit::STOP;
  });
  if (!found) spdlog::error("event=alarm-of-nobody actor-number={}", alarmIndexActor(key).value());
}

Instant AlarmClock::nextWake(Instant now) const {
  auto wake = std::min(now + NAP_MAX, horizon_ - HORIZON / 2);
  return byTime_.empty() ? wake : std::min(wake, byTime_.begin()->first);
}

void AlarmClock::arm() {
  // While it rings, the timer's own callback runs, and must not be replaced: it goes on by itself.
  if (ringing_ || armedFor_ <= nextWake(clock_.now())) return;
  timer_ = run().eagerlyEvaluate(nullptr);
}

kj::Promise<void> AlarmClock::run() {
  auto now = clock_.now();
  armedFor_ = nextWake(now);
  return clock_.after(std::max(armedFor_ - now, Duration::zero())).then([this]() {
    ringing_ = true;
    ring();
    ringing_ = false;
    return run();
  });
}

void AlarmClock::ring() {
  auto now = clock_.now();
  if (now >= horizon_ - HORIZON / 2) readHorizon(now);
  while (!byTime_.empty() && byTime_.begin()->first <= now) {
    auto [at, address] = *byTime_.begin();
    byTime_.erase(byTime_.begin());
    byActor_.erase(address);
    due_(address, at);
  }
}

}  // namespace meridian::actor
