// MachineActor: gives the machine's step its calls and performs its effects. It decides nothing: one function for each method and
// for each call that an effect asks for. Needs the service "driver".
#pragma once

#include "actors/machine/machine.h"
#include "runtime/actor/step-actor.h"
#include "schema/driver.capnp.h"
#include "schema/machine.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::machine {

struct Logic {
  using State = machine::State;
  using Transient = machine::Transient;
  using Message = machine::Message;
  using Effect = machine::Effect;
  using Change = machine::Change;
  using Answer = machine::Answer;
  using Limits = machine::Limits;

  static Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits) {
    return machine::step(state, std::move(transient), message, now, random, limits);
  }
  static Step resume(const State& state, Instant now, const Limits& limits) { return machine::resume(state, now, limits); }
  static void apply(State& state, const Change& change) { machine::apply(state, change); }
  static std::optional<Instant> alarmAt(const State& state, const Limits& limits) { return machine::alarmAt(state, limits); }
  static bool resting(const State& state, const Transient&) { return machine::resting(state); }
  static State load(actor::Storage& storage);
  static void save(actor::Storage& storage, const Change& change);
};

class MachineActor final: public actor::StepActor<Logic, schema::Machine> {
 public:
  // The composition declares the capacity in the limits.
  explicit MachineActor(Limits limits): StepActor(kj::mv(limits)) {}

  kj::Promise<void> start(StartContext context) override;
  kj::Promise<void> signal(SignalContext context) override;
  kj::Promise<void> kill(KillContext context) override;
  kj::Promise<void> exec(ExecContext context) override;
  kj::Promise<void> logs(LogsContext context) override;
  kj::Promise<void> removeLogs(RemoveLogsContext context) override;
  kj::Promise<void> driverStarted(DriverStartedContext context) override;
  kj::Promise<void> driverReady(DriverReadyContext context) override;
  kj::Promise<void> driverHealth(DriverHealthContext context) override;
  kj::Promise<void> driverExited(DriverExitedContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;

 protected:
  void perform(const Effect& effect) override;

 private:
  Generation lastOf(const ContainerId& container);
  schema::Driver::Client driver() { return env().service<schema::Driver>("driver"); }
  schema::Supervisor::Client supervisorOf(const InstanceKey& key);

  void send(const Attempt& attempt, const Launch& call);
  void send(const Attempt& attempt, const SignalInstance& call);
  void send(const Attempt& attempt, const KillInstance& call);
  void send(const Attempt& attempt, const AcknowledgeExit& call);
  void send(const Attempt& attempt, const List& call);
  void send(const Attempt& attempt, const TellStarted& call);
  void send(const Attempt& attempt, const TellReady& call);
  void send(const Attempt& attempt, const TellHealth& call);
  void send(const Attempt& attempt, const TellExited& call);

  // The answer of a call, or its failure, comes back as a message.
  template <typename T, typename OnAnswer>
  void expect(const Attempt& attempt, kj::Promise<T>&& answer, OnAnswer&& onAnswer);
  template <typename T>
  void expectDone(const Attempt& attempt, kj::Promise<T>&& answer);
};

}  // namespace meridian::machine
