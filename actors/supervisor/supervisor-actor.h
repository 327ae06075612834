// SupervisorActor: gives the supervisor's step its calls and performs its effects. It decides nothing: one function for each
// method and for each call that an effect asks for.
#pragma once

#include "actors/supervisor/supervisor.h"
#include "runtime/actor/step-actor.h"
#include "schema/supervisor.capnp.h"

namespace meridian::supervisor {

struct Logic {
  using State = supervisor::State;
  using Transient = supervisor::Transient;
  using Message = supervisor::Message;
  using Effect = supervisor::Effect;
  using Change = supervisor::Change;
  using Answer = supervisor::Answer;
  using Limits = supervisor::Limits;

  static Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits) {
    return supervisor::step(state, std::move(transient), message, now, random, limits);
  }
  static Step resume(const State& state, Instant now, const Limits& limits) { return supervisor::resume(state, now, limits); }
  static void apply(State& state, const Change& change) { supervisor::apply(state, change); }
  static std::optional<Instant> alarmAt(const State& state, const Limits& limits) { return supervisor::alarmAt(state, limits); }
  static bool resting(const State& state, const Transient& transient) { return supervisor::resting(state, transient); }
  static State load(actor::Storage& storage);
  static void save(actor::Storage& storage, const Change& change);
};

class SupervisorActor final: public actor::StepActor<Logic, schema::Supervisor> {
 public:
  explicit SupervisorActor(Limits limits = {}): StepActor(kj::mv(limits)) {}

  kj::Promise<void> alarm(actor::AlarmInfo info) override;

  // Supervisor
  kj::Promise<void> lease(LeaseContext context) override;
  kj::Promise<void> report(ReportContext context) override;
  kj::Promise<void> instanceStarted(InstanceStartedContext context) override;
  kj::Promise<void> instanceReady(InstanceReadyContext context) override;
  kj::Promise<void> instanceHealth(InstanceHealthContext context) override;
  kj::Promise<void> instanceExited(InstanceExitedContext context) override;
  kj::Promise<void> holds(HoldsContext context) override;
  kj::Promise<void> rollout(RolloutContext context) override;
  kj::Promise<void> why(WhyContext context) override;

  // Container
  kj::Promise<void> start(StartContext context) override;
  kj::Promise<void> state(StateContext context) override;
  kj::Promise<void> stop(StopContext context) override;
  kj::Promise<void> destroy(DestroyContext context) override;
  kj::Promise<void> exec(ExecContext context) override;
  kj::Promise<void> logs(LogsContext context) override;

 protected:
  void perform(const Effect& effect) override;

 private:
  ContainerId container() { return containerIdFromText(env().self().name); }

  void send(const Attempt& attempt, const Acquire& call);
  void send(const Attempt& attempt, const Place& call);
  void send(const Attempt& attempt, const Reserve& call);
  void send(const Attempt& attempt, const StartInstance& call);
  void send(const Attempt& attempt, const SignalInstance& call);
  void send(const Attempt& attempt, const KillInstance& call);
  void send(const Attempt& attempt, const Recall& call);
  void send(const Attempt& attempt, const ReleasePermit& call);
  void send(const Attempt& attempt, const ReleaseReservation& call);
  void send(const Attempt& attempt, const RemoveLogs& call);

  // The answer of a call, or its failure, comes back as a message.
  template <typename T, typename OnAnswer>
  void expect(const Attempt& attempt, kj::Promise<T>&& answer, OnAnswer&& onAnswer);
};

}  // namespace meridian::supervisor
