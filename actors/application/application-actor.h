// The actor of one application: calls in, calls out. What it decides is in application.h.
#pragma once

#include <kj/function.h>

#include "actors/application/application-record.h"
#include "actors/application/application.h"
#include "runtime/actor/step-actor.h"
#include "schema/application.capnp.h"

namespace meridian::application {

struct Logic {
  using State = application::State;
  using Transient = application::Transient;
  using Message = application::Message;
  using Effect = application::Effect;
  using Change = application::Change;
  using Answer = application::Answer;
  using Limits = application::Limits;

  static Step step(const State& state, Transient transient, const Message& message, Instant now, Random&,
                   const Limits& limits) {
    return application::step(state, std::move(transient), message, now, limits);
  }
  static Step resume(const State& state, Instant, const Limits&) { return application::resume(state); }
  static void apply(State& state, const Change& change) { state = change; }
  static std::optional<Instant> alarmAt(const State& state, const Limits&) { return application::alarmAt(state); }
  static bool resting(const State& state, const Transient& transient) { return application::resting(state, transient); }
  static State load(actor::Storage& storage) { return application::load(storage); }
  static void save(actor::Storage& storage, const Change& change) { application::save(storage, change); }
};

class ApplicationActor final: public actor::StepActor<Logic, schema::Application> {
 public:
  using StepActor::StepActor;

 protected:
  kj::Promise<void> deploy(DeployContext context) override;
  kj::Promise<void> remove(RemoveContext context) override;
  kj::Promise<void> routes(RoutesContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;
  kj::Promise<void> alarm(actor::AlarmInfo info) override;

  void perform(const Effect& effect) override;

 private:
  void make(const Call& call);
  void claim(const Claim& call);
  void retire(const Retire& call);
  void configure(const Configure& call);
  void announce(const Announce& call);
  void pushRoutes(const PushRoutes& call);
  void forget(const Forget& call);

  // Tells `toMessage(response)` when the call is answered, CallFailed when it failed.
  template <typename Results, typename ToMessage>
  void tellAnswer(const Call& call, kj::Promise<capnp::Response<Results>> sent, ToMessage toMessage);

  // Of the config in force.
  void writeRoutes(schema::RouteTable::Builder to);
};

}  // namespace meridian::application
