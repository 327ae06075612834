// Store: where the durable actors of one role keep state: ordered keys, write sets, one commit for many of them.
// Behind it stands LMDB (runtime/store) or, in the simulator, a store that loses what was not synced (sim/world); both
// pass runtime/store/store-contract.h.
//
// A write set is submitted by a shard at the end of a turn and gets the next LSN under the queue's lock. A batch commits a
// consecutive range of LSNs in one transaction, and checks the store's term in it, so that a deposed owner commits nothing.
// When a batch fails for lack of space, all its LSNs and all later ones submitted so far are aborted together and the epoch
// grows; submissions that still carry the old epoch are refused. A failed sync ends the process: what is on disk then, only a
// restart can know.
//
// Threads: submit, flush and the numbers from any thread; a Reader on the thread that made it.
#pragma once

#include <kj/common.h>
#include <kj/encoding.h>
#include <kj/exception.h>
#include <kj/function.h>
#include <kj/memory.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/names.h"

namespace meridian::env {

struct Write {
  std::string key;                    // at most Store::KEY_MAX bytes, not empty
  std::optional<std::string> value;   // absent: erase the key
};

// Grows with each aborted batch; names a span of LSNs without a gap.
using Epoch = Strong<struct EpochTag, uint64_t>;

struct WriteSet {
  std::vector<Write> writes;          // later writes of one key win
  std::vector<std::string> journal;   // entries for the store's journal, numbered by the commit
  Epoch epoch;                        // the submitter's view; an old one is refused
};

struct JournalEntry {
  uint64_t number;                    // grows, with gaps
  std::string bytes;
};

// Bits of a stored value have flipped on the disk: its checksum does not match. FAILED, naming the key; the rows around it are
// sound, and writing it anew heals it.
class DamagedValue final: public kj::Exception {
 public:
  explicit DamagedValue(std::string_view key)
      : kj::Exception(Type::FAILED, __FILE__, __LINE__,
                      kj::str("a stored value does not match its checksum: ",
                              kj::encodeCEscape(kj::arrayPtr(key.data(), key.size())))),
        key_(key) {}

  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

// A key and its value, as a scan comes by.
class Row {
 public:
  enum class Value { WHOLE, DAMAGED };
  Row(std::string_view key, std::string_view bytes, Value value): key_(key), bytes_(bytes), value_(value) {}

  std::string_view key() const { return key_; }
  bool isDamaged() const { return value_ == Value::DAMAGED; }

  // Throws DamagedValue.
  std::string_view value() const {
    if (isDamaged()) throw DamagedValue(key_);
    return bytes_;
  }

 private:
  std::string_view key_;
  std::string_view bytes_;
  Value value_;
};

// Sees one durable state of the store, from renew() to reset(). Views stay valid until then.
class Reader {
 public:
  virtual ~Reader() noexcept(false) = default;

  // Moves to the newest durable state; cheap (about 15 ns). `reset` lets go of it: never wait in between.
  virtual void renew() = 0;
  virtual void reset() = 0;

  // The LSN that the snapshot contains: all write sets up to it, none above.
  virtual Lsn lsn() = 0;

  // Throws DamagedValue.
  virtual std::optional<std::string_view> get(std::string_view key) = 0;

  // Visits keys >= from in order until the visitor answers STOP. A damaged row hurts only who asks for its value.
  enum class Visit { GO_ON, STOP };
  virtual void scan(std::string_view from, kj::FunctionParam<Visit(const Row& row)> visitor) = 0;

  // Journal entries with a number above `after`, oldest first, at most `limit`. Damaged ones are reported and left out.
  virtual std::vector<JournalEntry> journal(uint64_t after, size_t limit) = 0;
};

// Told on the committing thread, holding no lock; it may only wake somebody.
class StoreListener {
 public:
  virtual void storeMoved() = 0;      // durable(), epoch() or state() has changed

 protected:
  ~StoreListener() = default;
};

// A store works until it stops for good: then it takes nothing more, and all that waits in it is aborted.
enum class StoreState {
  OPEN,
  DEPOSED,                            // a later opening has raised the term: this owner commits nothing any more
  CORRUPT,                            // what is on disk contradicts itself
};

struct StoreCounters {
  uint64_t batches = 0;               // transactions committed, each one sync
  uint64_t writeSets = 0;
  uint64_t bytes = 0;                 // of keys and values
};

class Store {
 public:
  static constexpr size_t KEY_MAX = 500;            // bytes; LMDB's limit is 511
  static constexpr size_t VALUE_MAX = 1 << 20;      // bytes
  static constexpr size_t QUEUE_MAX = 1 << 16;      // write sets not yet durable; above it submit refuses
  static constexpr size_t QUEUE_BYTES_MAX = 256 << 20;   // keys and values not yet durable; likewise
  static constexpr size_t JOURNAL_SET_MAX = 256;    // journal entries in one write set
  static constexpr size_t JOURNAL_MAX = 10'000;     // entries kept; older ones are trimmed

  virtual ~Store() noexcept(false) = default;

  // Queues the write set; nothing when its epoch is old or the store has stopped. Throws kj::Exception OVERLOADED when the
  // queue is full, FAILED when a key, a value or the journal is over its bound.
  // The commit starts at the next flush(), so that one batch takes the turns of a whole loop iteration.
  virtual std::optional<Lsn> submit(WriteSet&& writes) = 0;
  virtual void flush() = 0;

  virtual Lsn submitted() = 0;        // the highest LSN given out
  virtual Lsn durable() = 0;          // all LSNs up to it are on disk or were aborted before the present epoch
  // Grows before durable() moves past what was aborted: whoever reads durable() first and epoch() second never takes an
  // aborted LSN for a durable one.
  virtual Epoch epoch() = 0;
  // Why the batch was aborted after which the present epoch began, for whoever lost a call; empty in the first.
  virtual std::string whyAborted() = 0;
  virtual StoreState state() = 0;
  virtual uint64_t term() = 0;        // durable, one higher at each opening

  virtual kj::Own<Reader> newReader() = 0;

  // The listener must be removed before it dies; once removed it is not called any more.
  virtual void addListener(StoreListener& listener) = 0;
  virtual void removeListener(StoreListener& listener) = 0;

  virtual StoreCounters counters() = 0;
};

}  // namespace meridian::env
