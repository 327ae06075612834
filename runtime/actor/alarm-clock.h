// AlarmClock: the alarms of one host that come up soon. The truth is in the store; here are those within the horizon, and one
// timer for the first of them. Ten million sleeping actors with alarms next week cost nothing.
//
// Thread: the shard's.
#pragma once

#include <kj/async.h>
#include <kj/function.h>

#include <map>
#include <optional>
#include <set>

#include "runtime/actor/address.h"
#include "runtime/actor/write-buffer.h"
#include "runtime/env/clock.h"

namespace meridian::actor {

class AlarmClock {
 public:
  // `due` is called when an alarm's time has come by the wall clock, never earlier; once, unless it is set again. `mine` says
  // which actors of the store belong to this host. `damaged` hears of an actor whose alarm cannot be read. Empty until reload().
  AlarmClock(env::Clock& clock, WriteBuffer& buffer, kj::Function<bool(const Address&)> mine,
             kj::Function<void(const Address&, Instant)> due, kj::Function<void(const Address&, kj::StringPtr why)> damaged);

  // The actor's alarm is now this.
  void set(const Address& address, std::optional<Instant> at);

  // Forgets everything and reads the store again.
  void reload();

 private:
  static constexpr Duration HORIZON = std::chrono::minutes(10);
  // Wall clocks step: a far alarm is looked at again this often.
  static constexpr Duration NAP_MAX = std::chrono::seconds(30);

  Instant nextWake(Instant now) const;
  void arm();
  kj::Promise<void> run();
  void ring();
  void readHorizon(Instant now);
  void readDamaged(std::string_view key);

  env::Clock& clock_;
  WriteBuffer& buffer_;
  kj::Function<bool(const Address&)> mine_;
  kj::Function<void(const Address&, Instant)> due_;
  kj::Function<void(const Address&, kj::StringPtr)> damaged_;
  std::map<Address, Instant> byActor_;
  std::set<std::pair<Instant, Address>> byTime_;
  Instant horizon_;
  Instant armedFor_ = Instant::max();
  bool ringing_ = false;
  kj::Promise<void> timer_ = nullptr;
};

}  // namespace meridian::actor
