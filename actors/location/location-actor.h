// The actor of one location's scheduler: calls in, effects out. What it decides is in location.h.
#pragma once

#include <kj/function.h>

#include "actors/location/location-record.h"
#include "actors/location/location.h"
#include "runtime/actor/step-actor.h"
#include "schema/location.capnp.h"

namespace meridian::location {

struct Logic {
  using State = location::State;
  using Transient = location::Transient;
  using Message = location::Message;
  using Effect = location::Effect;
  using Change = location::Change;
  using Answer = location::Answer;
  using Limits = location::Limits;

  static Step step(const State& state, Transient transient, const Message& message, Instant now, Random&,
                   const Limits& limits) {
    return location::step(state, transient, message, now, limits);
  }
  static Step resume(const State& state, Instant now, const Limits& limits) { return location::resume(state, now, limits); }
  static void apply(State& state, const Change& change) { location::apply(state, change); }
  static std::optional<Instant> alarmAt(const State& state, const Limits&) { return location::alarmAt(state); }
  static bool resting(const State&, const Transient& transient) { return location::resting(transient); }
  static State load(actor::Storage& storage) { return location::load(storage); }
  static void save(actor::Storage& storage, const Change& change) { location::save(storage, change); }
};

class LocationSchedulerActor final: public actor::StepActor<Logic, schema::LocationScheduler> {
 public:
  using StepActor::StepActor;

 protected:
  kj::Promise<void> registerMachine(RegisterMachineContext context) override;
  kj::Promise<void> reserve(ReserveContext context) override;
  kj::Promise<void> release(ReleaseContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

  void perform(const Effect& effect) override;

 private:
  void askHolder(const InstanceKey& instance);
  void reportToGlobal();
};

}  // namespace meridian::location
