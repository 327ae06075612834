// QueueActor: rows in the order of their keys, found by listing.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "sim/toys/queue.capnp.h"

namespace meridian::sim {

class QueueActor final: public actor::DurableActor<toys::Queue> {
 public:
  kj::Promise<void> put(PutContext context) override;
  kj::Promise<void> pop(PopContext context) override;
  kj::Promise<void> putAndList(PutAndListContext context) override;
  kj::Promise<void> list(ListContext context) override;

 private:
  using Entries = std::vector<actor::Storage::Entry>;

  // The lowest of a queue, one after another, each gone before the next is looked for.
  Entries take(const std::string& queue, size_t most);
};

}  // namespace meridian::sim
