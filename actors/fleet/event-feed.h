// EventFeed: the store's journal as events for one reader: what is stored, then what comes.
#pragma once

#include "runtime/actor/host.h"
#include "schema/fleet.capnp.h"

namespace meridian::fleet {

class EventFeed {
 public:
  // The host outlives the feed.
  EventFeed(actor::Host& host, uint64_t after, schema::EventSink::Client sink)
      : host_(host), after_(after), sink_(kj::mv(sink)) {}

  // Writes all entries that are stored now, at the reader's pace.
  kj::Promise<void> writeStored();
  kj::Promise<void> end() { return sink_.endRequest().send().ignoreResult(); }

  // Goes on until the handle is dropped or the reader is gone.
  static schema::Handle::Client follow(kj::Own<EventFeed> feed);

 private:
  static constexpr size_t ENTRIES_PER_WRITE = 100;

  kj::Promise<void> writeForever();

  actor::Host& host_;
  uint64_t after_;
  schema::EventSink::Client sink_;
};

}  // namespace meridian::fleet
