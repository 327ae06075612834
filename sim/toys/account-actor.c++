#include "sim/toys/account-actor.h"

#include <kj/debug.h>

namespace meridian::sim {

namespace {

constexpr Duration PAY_AGAIN_AFTER = std::chrono::seconds(1);
const std::string OWES = "owe/";
const std::string PAID = "paid/";

}  // namespace

kj::Promise<void> AccountActor::transfer(TransferContext context) {
  auto params = context.getParams();
  if (params.getAmount() > balance()) return kj::READY_NOW;
  Debt debt{params.getAmount(), {}};
  KJ_REQUIRE(params.getTo().size() < sizeof debt.to);
  memcpy(debt.to, params.getTo().begin(), params.getTo().size());
  auto key = OWES + std::to_string(params.getNumber());
  storage().put("balance", balance() - params.getAmount());
  storage().put(key, debt);
  payAgainLater();
  return pay(key, [context]() mutable { context.getResults().setAccepted(true); });
}

kj::Promise<void> AccountActor::pay(const std::string& debt, kj::Function<void()> paid) {
  auto owed = KJ_ASSERT_NONNULL(storage().get<Debt>(debt));
  auto request = env().actor<toys::Account>(owed.to).creditRequest();
  request.setNumber(std::stoull(debt.substr(OWES.size())));
  request.setAmount(owed.amount);
  return env().await(request.send(), [this, debt, paid = kj::mv(paid)](auto&&) mutable -> kj::Promise<void> {
    storage().erase(debt);
    paid();
    return kj::READY_NOW;
  });
}

kj::Promise<void> AccountActor::credit(CreditContext context) {
  auto params = context.getParams();
  auto key = PAID + std::to_string(params.getNumber());
  if (storage().get<int64_t>(key) != nullptr) return kj::READY_NOW;
  storage().put(key, params.getAmount());
  storage().put("balance", balance() + params.getAmount());
  return kj::READY_NOW;
}

kj::Promise<void> AccountActor::owes(OwesContext context) {
  context.getResults().setCount(static_cast<uint32_t>(storage().list({.prefix = OWES, .after = {}}).size()));
  return kj::READY_NOW;
}

kj::Promise<void> AccountActor::pass(PassContext context) {
  auto params = context.getParams();
  if (params.getNumber() > storage().get<uint64_t>("passed").orDefault(0)) storage().put("passed", params.getNumber());
  auto path = params.getPath();
  if (path.size() == 0) {
    context.getResults().setHops(1);
    return kj::READY_NOW;
  }
  auto request = env().actor<toys::Account>(path[0]).passRequest();
  request.setNumber(params.getNumber());
  auto rest = request.initPath(path.size() - 1);
  for (capnp::uint i = 1; i < path.size(); ++i) rest.set(i - 1, path[i]);
  return env().await(request.send(), [context](auto&& answer) mutable -> kj::Promise<void> {
    context.getResults().setHops(answer.getHops() + 1);
    return kj::READY_NOW;
  });
}

void AccountActor::payAgainLater() {
  if (!storage().alarm()) storage().setAlarm(env().now() + PAY_AGAIN_AFTER);
}

// Each debt is paid beside the others; the alarm comes again while there is any.
kj::Promise<void> AccountActor::alarm(actor::AlarmInfo) {
  auto debts = storage().list({.prefix = OWES, .after = {}});
  if (debts.empty()) return kj::READY_NOW;
  storage().setAlarm(env().now() + PAY_AGAIN_AFTER);
  for (auto& debt: debts) env().spawn(pay(debt.key, []() {}));
  return kj::READY_NOW;
}

}  // namespace meridian::sim
