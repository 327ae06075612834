// WriteBuffer: the write sets of one shard that are not yet durable, merged over the store's snapshot for its own reads. An entry
// stays until a snapshot that contains it can be had; it belongs to the shard, so it survives the passivation of its actor.
#pragma once

#include <kj/function.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/env/store.h"

namespace meridian::actor {

class WriteBuffer {
 public:
  explicit WriteBuffer(env::Store& store): reader_(store.newReader()) {}

  // Between beginReads() and endReads() get and scan see one snapshot with the buffer over it. Never wait in between.
  void beginReads() { reader_->renew(); }
  void endReads() { reader_->reset(); }

  std::optional<std::string> get(std::string_view key);

  // Rows whose keys begin with `prefix` and are above `after`, in order; erased ones are left out.
  using Visit = env::Reader::Visit;
  void scan(std::string_view prefix, std::string_view after,
            kj::FunctionParam<Visit(const env::Row& row)> visitor);

  void add(Lsn lsn, const std::vector<env::Write>& writes);

  // The highest LSN of a write that these keys wait for; 0: of none.
  Lsn latest(std::string_view prefix) const;

  // Between turns: the snapshot of the next beginReads() contains everything up to `lsn`.
  void durableIs(Lsn lsn);

  // After an aborted batch: nothing in it will become durable.
  void clear();

  size_t size() const { return entries_.size(); }
  env::Reader& reader() { return *reader_; }

 private:
  struct Entry {
    std::optional<std::string> value;
    Lsn lsn;
  };

  kj::Own<env::Reader> reader_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<std::pair<Lsn, std::string>> order_;
};

}  // namespace meridian::actor
