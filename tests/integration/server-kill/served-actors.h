// The actors that the killed server hosts.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "tests/integration/server-kill/served.capnp.h"

namespace meridian::killed {

inline constexpr unsigned ACCOUNTS = 16;
inline constexpr int64_t OPENING_BALANCE = 1'000;   // of each account; it may be overdrawn

class CounterActor final: public actor::DurableActor<Counter> {
 public:
  kj::Promise<void> add(AddContext context) override;
  kj::Promise<void> get(GetContext context) override;

 private:
  uint64_t value() { return storage().get<uint64_t>("value").orDefault(0); }
};

class BankActor final: public actor::DurableActor<Bank> {
 public:
  kj::Promise<void> transfer(TransferContext context) override;
  kj::Promise<void> balance(BalanceContext context) override;

 private:
  int64_t balanceOf(unsigned account);
  void change(unsigned account, int64_t by);
  uint64_t transfers() { return storage().get<uint64_t>("transfers").orDefault(0); }
};

}  // namespace meridian::killed
