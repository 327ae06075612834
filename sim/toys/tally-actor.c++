#include "sim/toys/tally-actor.h"

#include <kj/debug.h>

#include "runtime/base/check.h"

namespace meridian::sim {

using toys::How;

namespace {

constexpr int64_t MUCH = 1'000'000;

kj::Promise<void> nothingMore() { return kj::READY_NOW; }

}  // namespace

#define TALLY template <typename Interface, actor::DurableActorBase::Cancellation CANCELLATION>
#define TALLY_ACTOR TallyActorOf<Interface, CANCELLATION>

TALLY int64_t TALLY_ACTOR::value() {
  if (remembers_ == Remembers::ITS_SUM && remembered_) return *remembered_;
  auto stored = storage().template get<int64_t>("n").orDefault(0);
  remembered_ = stored;
  return stored;
}

TALLY int64_t TALLY_ACTOR::grow(int64_t by) {
  auto next = value() + by;
  storage().put("n", next);
  storage().put("twin", next);
  remembered_ = next;
  return next;
}

TALLY kj::Promise<void> TALLY_ACTOR::add(Server::AddContext context) {
  context.getResults().setValue(grow(context.getParams().getBy()));
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::get(Server::GetContext context) {
  context.getResults().setValue(value());
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::addAndFail(Server::AddAndFailContext context) {
  grow(context.getParams().getBy());
  switch (context.getParams().getHow()) {
    case How::THROWING: KJ_FAIL_REQUIRE("thrown on purpose");
    case How::REJECTING: return KJ_EXCEPTION(FAILED, "rejected on purpose");
    case How::THROWING_STD: throw std::runtime_error("thrown on purpose");
    case How::OVERLOADED: return KJ_EXCEPTION(OVERLOADED, "busy on purpose");
  }
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::addThenFail(Server::AddThenFailContext context) {
  auto value = grow(context.getParams().getBy());
  return env().await(env().after(std::chrono::milliseconds(1)), [this, value]() -> kj::Promise<void> {
    grow(MUCH);
    return KJ_EXCEPTION(FAILED, "failed on purpose, later", value);
  });
}

TALLY kj::Promise<void> TALLY_ACTOR::addAround(Server::AddAroundContext context) {
  auto params = context.getParams();
  auto before = value();
  auto by = params.getBy();
  auto request = params.getProbe().waitRequest();
  request.setMs(params.getMs());
  return env().blockConcurrencyWhile(env().await(request.send().ignoreResult(), [this, context, before, by]() mutable -> kj::Promise<void> {
    remembered_ = before;
    context.getResults().setValue(grow(by));
    return kj::READY_NOW;
  }));
}

TALLY kj::Promise<void> TALLY_ACTOR::feed(Server::FeedContext context) {
  grow(context.getParams().getBy());
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::tell(Server::TellContext context) {
  auto params = context.getParams();
  auto value = grow(params.getBy());
  context.getResults().setValue(value);
  auto told = env().template service<toys::Probe>(params.getService()).toldRequest();
  told.setTally(env().self().name);
  told.setValue(value);
  auto streamed = params.getProbe().streamedRequest();
  streamed.setTally(env().self().name);
  streamed.setValue(value);
  env().spawn(env().await(told.send().ignoreResult(), nothingMore, [](kj::Exception&&) { return nothingMore(); }));
  return env().await(streamed.send(), nothingMore);
}

TALLY kj::Promise<void> TALLY_ACTOR::other(Server::OtherContext context) {
  auto params = context.getParams();
  storage().put("op" + std::to_string(params.getOp()), true);
  context.getResults().setTally(env().template actor<toys::Tally>(params.getName()));
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::relay(Server::RelayContext context) {
  auto params = context.getParams();
  auto by = params.getBy();
  auto request = env().template actor<toys::Tally>(params.getTo()).hearRequest();
  request.setFrom(env().self().name);
  request.setValue(grow(by));
  request.setBy(by);
  return env().await(request.send(), [this, context, by](auto&& answer) mutable -> kj::Promise<void> {
    context.getResults().setMine(grow(by));
    context.getResults().setTheirs(answer.getValue());
    return kj::READY_NOW;
  });
}

TALLY kj::Promise<void> TALLY_ACTOR::hear(Server::HearContext context) {
  auto params = context.getParams();
  hearsay_(env().self().name, params.getFrom(), params.getValue());
  context.getResults().setValue(grow(params.getBy()));
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::work(Server::WorkContext context) {
  storage().put("begun", count("begun") + 1);
  auto request = context.getParams().getProbe().waitRequest();
  request.setMs(context.getParams().getMs());
  return env().await(request.send().ignoreResult(), [this]() -> kj::Promise<void> {
    storage().put("ended", count("ended") + 1);
    return kj::READY_NOW;
  });
}

TALLY kj::Promise<void> TALLY_ACTOR::progress(Server::ProgressContext context) {
  context.getResults().setBegun(count("begun"));
  context.getResults().setEnded(count("ended"));
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::failCheck(Server::FailCheckContext) {
  grow(MUCH);
  check(false, "failed on purpose");
  return kj::READY_NOW;
}

TALLY kj::Promise<void> TALLY_ACTOR::outside(Server::OutsideContext) {
  return kj::evalLater([this]() { grow(MUCH); });   // A bare continuation: what the contract forbids.
}

template class TallyActorOf<toys::Tally, actor::DurableActorBase::Cancellation::IGNORED>;
template class TallyActorOf<toys::EasyTally, actor::DurableActorBase::Cancellation::BETWEEN_TURNS>;

}  // namespace meridian::sim
