// The actor of one container class: calls in, effects out. What it decides is in class.h.
#pragma once

#include <kj/function.h>

#include "actors/class/class-record.h"
#include "actors/class/class.h"
#include "runtime/actor/step-actor.h"
#include "schema/class.capnp.h"

namespace meridian::container_class {

struct Logic {
  using State = container_class::State;
  using Transient = container_class::Transient;
  using Message = container_class::Message;
  using Effect = container_class::Effect;
  using Change = container_class::Change;
  using Answer = container_class::Answer;
  using Limits = container_class::Limits;

  static Step step(const State& state, Transient transient, const Message& message, Instant now, Random&,
                   const Limits& limits) {
    return container_class::step(state, transient, message, now, limits);
  }
  static Step resume(const State& state, Instant now, const Limits& limits) {
    return container_class::resume(state, now, limits);
  }
  static void apply(State& state, const Change& change) { container_class::apply(state, change); }
  static std::optional<Instant> alarmAt(const State& state, const Limits&) { return container_class::alarmAt(state); }
  static bool resting(const State&, const Transient& transient) { return transient.asked == 0; }
  static State load(actor::Storage& storage) { return container_class::load(storage); }
  static void save(actor::Storage& storage, const Change& change) { container_class::save(storage, change); }
};

class ContainerClassActor final: public actor::StepActor<Logic, schema::ContainerClass> {
 public:
  using StepActor::StepActor;

 protected:
  kj::Promise<void> claim(ClaimContext context) override;
  kj::Promise<void> configure(ConfigureContext context) override;
  kj::Promise<void> retire(RetireContext context) override;
  kj::Promise<void> acquire(AcquireContext context) override;
  kj::Promise<void> release(ReleaseContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

  void perform(const Effect& effect) override;

 private:
  void askHolder(const AskHolder& question);
};

}  // namespace meridian::container_class
