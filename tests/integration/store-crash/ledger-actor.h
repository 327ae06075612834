// A durable actor whose whole state follows from the salts of its turns (ledger-model.h).
#pragma once

#include "runtime/actor/durable-actor.h"
#include "tests/integration/store-crash/ledger.capnp.h"

namespace meridian::crash {

class LedgerActor final: public actor::DurableActor<Ledger> {
 public:
  kj::Promise<void> write(WriteContext context) override;
  kj::Promise<void> tell(TellContext context) override;
  kj::Promise<void> pass(PassContext context) override;
  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> clear(ClearContext context) override;

 private:
  uint64_t turns();
  // The present turn's writes; the number of turns with it.
  uint64_t write(uint64_t salt);
};

}  // namespace meridian::crash
