// An account as a durable actor. A transfer is two turns of the one that gives, with a call to the one that takes between them; what is
// under way is durable, and begins again when the actor is loaded.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "sim/explore/transfer/account.capnp.h"

namespace meridian::explore::transfer {

inline constexpr int64_t OPENING_BALANCE = 10;       // of the account "a"; others open with nothing

// What an account keeps, for those who look at a disk.
inline constexpr const char* BALANCE_KEY = "balance";
inline constexpr const char* LEAVING_KEY = "leaving";
std::string takenKey(uint64_t transfer);
std::string arrivedKey(uint64_t transfer);

struct Leaving {
  uint64_t transfer;
  int64_t amount;
  char to[8];
};

int64_t openingBalance(kj::StringPtr account);

class AccountActor final: public actor::DurableActor<Account> {
 public:
  void load() override;

  kj::Promise<void> transfer(TransferContext context) override;
  kj::Promise<void> deposit(DepositContext context) override;
  kj::Promise<void> balance(BalanceContext context) override;

 private:
  int64_t value() { return storage().get<int64_t>(BALANCE_KEY).orDefault(openingBalance(env().self().name.c_str())); }
  void change(int64_t by);
  kj::Promise<void> deliver(const Leaving& leaving);
};

}  // namespace meridian::explore::transfer
