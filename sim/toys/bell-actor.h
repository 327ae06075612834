// BellActor: an alarm, the order that set it, and how often it rang since. Some orders are carried out in two turns.
#pragma once

#include <functional>

#include "runtime/actor/durable-actor.h"
#include "sim/toys/bell.capnp.h"

namespace meridian::sim {

// What a bell says when its alarm has come, before it does anything.
struct Ring {
  std::string bell;
  uint64_t order;
  uint32_t tries;        // failed ones before
  Instant due;           // as the bell itself wrote it down
  Instant now;           // by its server's clock
};

class BellActor final: public actor::DurableActor<toys::Bell> {
 public:
  explicit BellActor(const std::function<void(const Ring&)>& listener): listener_(listener) {}

  kj::Promise<void> set(SetContext context) override;
  kj::Promise<void> clear(ClearContext context) override;
  kj::Promise<void> state(StateContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

 private:
  struct Row {
    uint64_t order = 0;
    int64_t dueNs = 0;
    uint32_t ms = 0;
    uint32_t failures = 0;
    uint32_t again = 0;
    uint32_t rings = 0;
    uint32_t owed = 0;
    uint32_t unused = 0;
  };

  Row row() { return storage().get<Row>("row").orDefault(Row{}); }
  void wind(Row row);
  kj::Promise<void> ring(uint32_t tries);

  const std::function<void(const Ring&)>& listener_;
};

}  // namespace meridian::sim
