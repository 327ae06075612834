// The actor of the global scheduler: calls in, answers out. What it decides is in global.h.
#pragma once

#include <kj/function.h>

#include "actors/global/global-record.h"
#include "actors/global/global.h"
#include "runtime/actor/step-actor.h"
#include "schema/global.capnp.h"

namespace meridian::global {

struct Logic {
  using State = global::State;
  using Transient = global::Transient;
  using Message = global::Message;
  using Effect = global::Effect;
  using Change = global::Change;
  using Answer = global::Answer;
  using Limits = global::Limits;

  static Step step(const State& state, Transient, const Message& message, Instant now, Random&, const Limits& limits) {
    return global::step(state, message, now, limits);
  }
  static Step resume(const State&, Instant, const Limits&) { return {}; }
  static void apply(State& state, const Change& change) { global::apply(state, change); }
  static std::optional<Instant> alarmAt(const State&, const Limits&) { return std::nullopt; }
  static bool resting(const State&, const Transient&) { return true; }
  static State load(actor::Storage& storage) { return global::load(storage); }
  static void save(actor::Storage& storage, const Change& change) { global::save(storage, change); }
};

class GlobalSchedulerActor final: public actor::StepActor<Logic, schema::GlobalScheduler> {
 public:
  using StepActor::StepActor;

 protected:
  kj::Promise<void> reportLocation(ReportLocationContext context) override;
  kj::Promise<void> place(PlaceContext context) override;
  kj::Promise<void> addGateway(AddGatewayContext context) override;
  kj::Promise<void> addApplication(AddApplicationContext context) override;
  kj::Promise<void> removeApplication(RemoveApplicationContext context) override;
  kj::Promise<void> applications(ApplicationsContext context) override;

  void perform(const Effect& effect) override;
};

}  // namespace meridian::global
