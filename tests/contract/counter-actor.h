// The toy actors of the contract tests.
#pragma once

#include "runtime/actor/durable-actor.h"
#include "tests/contract/toy.capnp.h"

namespace meridian::toy {

class CounterActor final: public actor::DurableActor<Counter> {
 public:
  explicit CounterActor(uint64_t& loads): loads_(loads) { loads_++; }

  kj::Promise<void> increment(IncrementContext context) override;
  kj::Promise<void> get(GetContext context) override;
  kj::Promise<void> transfer(TransferContext context) override;
  kj::Promise<void> fail(FailContext context) override;
  kj::Promise<void> tell(TellContext context) override;
  kj::Promise<void> other(OtherContext context) override;
  kj::Promise<void> hang(HangContext context) override;
  kj::Promise<void> feed(FeedContext context) override;
  kj::Promise<void> hold(HoldContext context) override;
  kj::Promise<void> alarmIn(AlarmInContext context) override;
  kj::Promise<void> rings(RingsContext context) override;
  kj::Promise<void> keys(KeysContext context) override;
  kj::Promise<void> set(SetContext context) override;
  kj::Promise<void> setAndList(SetAndListContext context) override;
  kj::Promise<void> erase(EraseContext context) override;
  kj::Promise<void> outside(OutsideContext context) override;
  kj::Promise<void> loads(LoadsContext context) override;
  kj::Promise<void> tellLater(TellLaterContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

 private:
  int64_t value();
  int64_t add(int64_t by);

  uint64_t& loads_;
};

template <typename Interface, actor::DurableActorBase::Cancellation CANCELLATION>
class WorkingActor final: public actor::DurableActor<Interface> {
 public:
  using actor::DurableActor<Interface>::env;
  using actor::DurableActor<Interface>::storage;

  actor::DurableActorBase::Cancellation cancellation() const override { return CANCELLATION; }

  kj::Promise<void> work(Patient::Server::WorkContext context) override {
    storage().put("begun", true);
    auto probe = context.getParams().getProbe();
    return env().await(probe.seenRequest().send().ignoreResult(), [this]() -> kj::Promise<void> {
      storage().put("ended", true);
      return kj::READY_NOW;
    });
  }

  kj::Promise<void> progress(Patient::Server::ProgressContext context) override {
    context.getResults().setBegun(storage().template get<bool>("begun").orDefault(false));
    context.getResults().setEnded(storage().template get<bool>("ended").orDefault(false));
    return kj::READY_NOW;
  }
};

using PatientActor = WorkingActor<Patient, actor::DurableActorBase::Cancellation::IGNORED>;
using ImpatientActor = WorkingActor<Impatient, actor::DurableActorBase::Cancellation::BETWEEN_TURNS>;

}  // namespace meridian::toy
