// AccountActor: a balance, what it owes, and what it was paid.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "sim/toys/account.capnp.h"

namespace meridian::sim {

class AccountActor final: public actor::DurableActor<toys::Account> {
 public:
  static constexpr int64_t OPENING = 100;

  kj::Promise<void> transfer(TransferContext context) override;
  kj::Promise<void> credit(CreditContext context) override;
  kj::Promise<void> owes(OwesContext context) override;
  kj::Promise<void> pass(PassContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

 private:
  int64_t balance() { return storage().get<int64_t>("balance").orDefault(OPENING); }
  kj::Promise<void> pay(const std::string& debt, kj::Function<void()> paid);
  void payAgainLater();
};

// What is owed, as it is stored under "owe/<number>".
struct Debt {
  int64_t amount;
  char to[24];
};

}  // namespace meridian::sim
