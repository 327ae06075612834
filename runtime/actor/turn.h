// Turn: one run of an activation between two waits, and the storage its actor sees in it. Writes gather here; the host submits
// them as one write set when the turn ends well, or drops them.
#pragma once

#include <kj/function.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/actor/storage.h"
#include "runtime/actor/store-keys.h"
#include "runtime/actor/write-buffer.h"

namespace meridian::actor {

class Turn final: public Storage {
 public:
  // `number` is the actor's, if it has one yet; `fresh` is what it gets with its first write.
  Turn(const Address& self, WriteBuffer& buffer, std::optional<ActorNumber> number, ActorNumber fresh)
      : self_(self), buffer_(buffer), number_(number), fresh_(fresh) {}

  std::optional<std::string> getBytes(std::string_view key) override;
  void putBytes(std::string_view key, std::string_view value) override;
  void erase(std::string_view key) override;
  std::vector<Entry> list(const Range& range) override;
  std::optional<Instant> alarm() override;
  void setAlarm(Instant at) override { writeAlarm(AlarmRow{at, 0}); }
  void clearAlarm() override { writeAlarm(std::nullopt); }
  void journal(std::string_view bytes) override;

  // ---- for the host
  std::optional<AlarmRow> alarmRow();
  void writeAlarm(std::optional<AlarmRow> alarm);
  bool alarmChanged() const { return alarm_.has_value(); }

  bool empty() const { return writes_.empty() && journal_.empty(); }
  std::optional<ActorNumber> number() const { return number_; }
  env::WriteSet take(env::Epoch epoch);

  struct AtEnd {
    kj::Function<void()> done;
    kj::Function<void(const kj::Exception&)> failed;
  };
  std::vector<AtEnd> atEnd;

 private:
  void write(std::string key, std::optional<std::string> value);
  ActorNumber numberForWriting();
  std::optional<std::string> read(const std::string& key);

  const Address& self_;
  WriteBuffer& buffer_;
  std::optional<ActorNumber> number_;
  ActorNumber fresh_;
  std::map<std::string, std::optional<std::string>, std::less<>> writes_;   // by full key
  std::optional<std::optional<AlarmRow>> alarm_;                            // set when changed in this turn
  std::vector<std::string> journal_;
  size_t bytes_ = 0;
};

}  // namespace meridian::actor
