// RegisterActor: one value.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "sim/toys/register.capnp.h"

namespace meridian::sim {

class RegisterActor final: public actor::DurableActor<toys::Register> {
 public:
  // It exists in its store before it is read: an activation of a deposed owner that knows of no rows would go on saying so.
  void load() override {
    if (storage().getBytes("value") == std::nullopt) storage().put("value", int64_t{0});
  }

  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> write(WriteContext context) override;
  kj::Promise<void> compareAndSet(CompareAndSetContext context) override;
  kj::Promise<void> through(ThroughContext context) override;

 private:
  int64_t value() { return storage().get<int64_t>("value").orDefault(0); }
};

}  // namespace meridian::sim
