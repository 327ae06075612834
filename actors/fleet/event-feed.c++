#include "actors/fleet/event-feed.h"

#include <capnp/message.h>

#include "runtime/actor/envelope.h"

namespace meridian::fleet {

namespace {

class FollowHandle final: public schema::Handle::Server {
 public:
  explicit FollowHandle(kj::Promise<void> running): running_(kj::mv(running)) {}

 private:
  kj::Promise<void> running_;
};

}  // namespace

kj::Promise<void> EventFeed::writeStored() {
  auto entries = host_.journal(after_, ENTRIES_PER_WRITE);
  if (entries.empty()) return kj::READY_NOW;
  auto request = sink_.writeRequest();
  auto events = request.initEvents(static_cast<unsigned int>(entries.size()));
  for (unsigned int i = 0; i < events.size(); i++) {
    auto stored = actor::open(entries[i].bytes);
    events.setWithCaveats(i, stored->get<schema::Event>());
    events[i].setNumber(entries[i].number);
  }
  after_ = entries.back().number;
  return request.send().then([this]() { return writeStored(); });
}

kj::Promise<void> EventFeed::writeForever() {
  // Asked for first: nothing that becomes durable in between is missed.
  auto moved = host_.whenMoved();
  return writeStored().then([this, moved = kj::mv(moved)]() mutable {
    return moved.then([this]() { return writeForever(); });
  });
}

schema::Handle::Client EventFeed::follow(kj::Own<EventFeed> feed) {
  auto running = feed->writeForever();
  // A reader that has gone ends its feed; nobody else minds.
  return kj::heap<FollowHandle>(running.attach(kj::mv(feed)).eagerlyEvaluate([](kj::Exception&&) {}));
}

}  // namespace meridian::fleet
