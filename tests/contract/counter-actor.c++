#include "tests/contract/counter-actor.h"

#include <kj/debug.h>

#include "runtime/base/check.h"

namespace meridian::toy {

int64_t CounterActor::value() { return storage().get<int64_t>("n").orDefault(0); }

int64_t CounterActor::add(int64_t by) {
  int64_t next = value() + by;
  storage().put("n", next);
  return next;
}

kj::Promise<void> CounterActor::increment(IncrementContext context) {
  context.getResults().setValue(add(context.getParams().getBy()));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::get(GetContext context) {
  context.getResults().setValue(value());
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::transfer(TransferContext context) {
  auto amount = context.getParams().getAmount();
  add(-amount);
  auto request = env().actor<Counter>(context.getParams().getTo()).incrementRequest();
  request.setBy(amount);
  return env().await(request.send(), [this, context](auto&& answer) mutable -> kj::Promise<void> {
    storage().put("transferred", answer.getValue());
    context.getResults().setMine(value());
    context.getResults().setTheirs(answer.getValue());
    return kj::READY_NOW;
  });
}

kj::Promise<void> CounterActor::fail(FailContext context) {
  add(1000);
  switch (context.getParams().getHow()) {
    case How::THROWING:
      KJ_FAIL_REQUIRE("thrown on purpose");
    case How::REJECTING:
      return KJ_EXCEPTION(FAILED, "rejected on purpose");
    case How::THROWING_STD:
      throw std::runtime_error("thrown on purpose");
    case How::THROWING_LATER:
      return env().await(env().after(Duration::zero()), [this]() -> kj::Promise<void> {
        add(1'000'000);
        KJ_FAIL_REQUIRE("thrown on purpose, later");
      });
    case How::CHECKING:
      check(false, "failed on purpose");
      break;
    case How::OVERLOADED:
      return KJ_EXCEPTION(OVERLOADED, "busy on purpose");
  }
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::tell(TellContext context) {
  auto value = add(context.getParams().getBy());
  context.getResults().setValue(value);
  auto request = context.getParams().getProbe().seenRequest();
  request.setValue(value);
  return env().await(request.send().ignoreResult(), []() -> kj::Promise<void> { return kj::READY_NOW; });
}

kj::Promise<void> CounterActor::tellLater(TellLaterContext context) {
  auto value = add(context.getParams().getBy());
  auto request = env().service<Probe>(context.getParams().getService()).seenRequest();
  request.setValue(value);
  env().spawn(env().await(request.send().ignoreResult(), []() -> kj::Promise<void> { return kj::READY_NOW; }));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::other(OtherContext context) {
  add(context.getParams().getBy());
  context.getResults().setCounter(env().actor<Counter>(context.getParams().getName()));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::hang(HangContext) { return kj::NEVER_DONE; }

kj::Promise<void> CounterActor::feed(FeedContext context) {
  add(context.getParams().getBy());
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::hold(HoldContext context) {
  return env().blockConcurrencyWhile(context.getParams().getProbe().seenRequest().send().ignoreResult());
}

kj::Promise<void> CounterActor::alarmIn(AlarmInContext context) {
  storage().put("failures", context.getParams().getFailures());
  storage().setAlarm(env().now() + std::chrono::milliseconds(context.getParams().getMs()));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::alarm(actor::AlarmInfo info) {
  if (env().now() < info.scheduled) storage().put("early", true);
  KJ_REQUIRE(info.tries >= storage().get<uint32_t>("failures").orDefault(0), "failed on purpose");
  storage().put("rings", storage().get<uint32_t>("rings").orDefault(0) + 1);
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::rings(RingsContext context) {
  context.getResults().setCount(storage().get<uint32_t>("rings").orDefault(0));
  context.getResults().setEarly(storage().get<bool>("early").orDefault(false));
  return kj::READY_NOW;
}

namespace {

template <typename Results>
void writeKeys(Results results, const std::vector<actor::Storage::Entry>& entries) {
  auto keys = results.initKeys(static_cast<unsigned int>(entries.size()));
  for (unsigned int i = 0; i < keys.size(); i++) keys.set(i, (entries[i].key + "=" + entries[i].value).c_str());
}

}  // namespace

kj::Promise<void> CounterActor::keys(KeysContext context) {
  writeKeys(context.getResults(), storage().list({.prefix = context.getParams().getPrefix().cStr(), .after = {}}));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::set(SetContext context) {
  storage().putBytes(context.getParams().getKey().cStr(), context.getParams().getValue().cStr());
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::setAndList(SetAndListContext context) {
  auto params = context.getParams();
  storage().putBytes(params.getKey().cStr(), params.getValue().cStr());
  writeKeys(context.getResults(), storage().list({.prefix = params.getPrefix().cStr(), .after = {}}));
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::erase(EraseContext context) {
  storage().erase(context.getParams().getKey().cStr());
  return kj::READY_NOW;
}

kj::Promise<void> CounterActor::outside(OutsideContext) {
  return kj::evalLater([this]() { add(1); });   // A bare continuation: what the contract forbids.
}

kj::Promise<void> CounterActor::loads(LoadsContext context) {
  context.getResults().setCount(loads_);
  return kj::READY_NOW;
}

}  // namespace meridian::toy
