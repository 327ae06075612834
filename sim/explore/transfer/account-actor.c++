#include "sim/explore/transfer/account-actor.h"

#include <cstring>

namespace meridian::explore::transfer {

std::string takenKey(uint64_t transfer) { return "taken/" + std::to_string(transfer); }
std::string arrivedKey(uint64_t transfer) { return "arrived/" + std::to_string(transfer); }
int64_t openingBalance(kj::StringPtr account) { return account == "a" ? OPENING_BALANCE : 0; }

void AccountActor::load() {
  KJ_IF_MAYBE(leaving, storage().get<Leaving>(LEAVING_KEY)) env().spawn(deliver(*leaving));
}

void AccountActor::change(int64_t by) {
  auto next = value() + by;
  storage().put(BALANCE_KEY, next);
}

kj::Promise<void> AccountActor::transfer(TransferContext context) {
  auto params = context.getParams();
  auto id = params.getId();
  if (storage().getBytes(arrivedKey(id))) return kj::READY_NOW;
  KJ_IF_MAYBE(leaving, storage().get<Leaving>(LEAVING_KEY)) {
    KJ_REQUIRE(leaving->transfer == id, "another transfer is under way", leaving->transfer);
    return deliver(*leaving);
  }
  Leaving leaving{id, params.getAmount(), {}};
  KJ_REQUIRE(params.getTo().size() < sizeof leaving.to, "an account's name is too long", params.getTo());
  memcpy(leaving.to, params.getTo().cStr(), params.getTo().size());
  change(-leaving.amount);
  storage().put(LEAVING_KEY, leaving);
  return deliver(leaving);
}

kj::Promise<void> AccountActor::deliver(const Leaving& leaving) {
  auto request = env().actor<Account>(leaving.to).depositRequest();
  request.setId(leaving.transfer);
  request.setAmount(leaving.amount);
  return env().await(request.send(), [this, id = leaving.transfer](auto&&) -> kj::Promise<void> {
    storage().erase(LEAVING_KEY);
    storage().put(arrivedKey(id), id);
    return kj::READY_NOW;
  });
}

kj::Promise<void> AccountActor::deposit(DepositContext context) {
  auto params = context.getParams();
  if (storage().getBytes(takenKey(params.getId()))) return kj::READY_NOW;
  change(params.getAmount());
  storage().put(takenKey(params.getId()), params.getId());
  return kj::READY_NOW;
}

kj::Promise<void> AccountActor::balance(BalanceContext context) {
  context.getResults().setValue(value());
  return kj::READY_NOW;
}

}  // namespace meridian::explore::transfer
