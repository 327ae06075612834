#include "tests/integration/server-kill/served-actors.h"

#include <kj/debug.h>

#include <string>

namespace meridian::killed {

namespace {

std::string keyOf(unsigned account) { return "account/" + std::to_string(account); }

}  // namespace

kj::Promise<void> CounterActor::add(AddContext context) {
  uint64_t next = value() + 1;
  storage().put("value", next);
  context.getResults().setValue(next);
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::get(GetContext context) {
  context.getResults().setValue(value());
  return kj::READY_NOW;
}

int64_t BankActor::balanceOf(unsigned account) {
  KJ_REQUIRE(account < ACCOUNTS, "the bank has no such account", account);
  return storage().get<int64_t>(keyOf(account)).orDefault(OPENING_BALANCE);
}

void BankActor::change(unsigned account, int64_t by) {
  int64_t next = balanceOf(account) + by;
  storage().put(keyOf(account), next);
}

kj::Promise<void> BankActor::transfer(TransferContext context) {
  auto params = context.getParams();
  change(params.getFrom(), -params.getAmount());
  change(params.getTo(), params.getAmount());
  uint64_t count = transfers() + 1;
  storage().put("transfers", count);
  context.getResults().setTransfers(count);
  return kj::READY_NOW;
}

kj::Promise<void> BankActor::balance(BalanceContext context) {
  auto results = context.getResults();
  results.setTransfers(transfers());
  auto accounts = results.initAccounts(ACCOUNTS);
  for (unsigned account = 0; account < ACCOUNTS; ++account) accounts.set(account, balanceOf(account));
  return kj::READY_NOW;
}

}  // namespace meridian::killed
