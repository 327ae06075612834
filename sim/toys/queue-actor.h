// QueueActor: rows in the order of their keys, found by listing.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "sim/toys/queue.capnp.h"

namespace meridian::sim {

class QueueActor final: public actor::DurableActor<toys::Queue> {
 public:
  // It exists in its store before it is listed: an activation of a deposed owner that knows of no rows would go on saying so.
  void load() override {
    if (storage().getBytes(EXISTS) == std::nullopt) storage().put(EXISTS, true);
  }

  kj::Promise<void> put(PutContext context) override;
  kj::Promise<void> pop(PopContext context) override;
  kj::Promise<void> putAndList(PutAndListContext context) override;
  kj::Promise<void> list(ListContext context) override;

 private:
  static constexpr const char* EXISTS = "~exists";   // no queue has this prefix

  using Entries = std::vector<actor::Storage::Entry>;

  // The lowest of a queue, one after another, each gone before the next is looked for.
  Entries take(const std::string& queue, size_t most);
};

}  // namespace meridian::sim
