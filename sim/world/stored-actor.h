// StoredActor: the storage of one actor as it lies on a disk, to look at without a host.
#pragma once

#include "runtime/actor/address.h"
#include "runtime/actor/storage.h"
#include "runtime/actor/store-keys.h"
#include "sim/world/store.h"

namespace meridian::sim {

class StoredActor final: public actor::Storage {
 public:
  // The names of all actors of a kind that have written.
  static std::vector<std::string> list(const SimDisk& disk, std::string_view kind);

  StoredActor(const SimDisk& disk, const actor::Address& address);

  std::optional<std::string> getBytes(std::string_view key) override;
  std::vector<Entry> list(const Range& range) override;

  void putBytes(std::string_view key, std::string_view value) override { refuse(); }
  void erase(std::string_view key) override { refuse(); }
  std::optional<Instant> alarm() override { refuse(); }
  void setAlarm(Instant at) override { refuse(); }
  void clearAlarm() override { refuse(); }
  void journal(std::string_view bytes) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { KJ_FAIL_ASSERT("a stored actor is only looked at"); }

  const SimDisk& disk_;
  std::optional<actor::ActorNumber> number_;
};

}  // namespace meridian::sim
