// StepActor: a durable actor whose decisions are a plain function. The template turns calls into messages, runs the step, keeps
// what it changed and performs what it asked for; a subclass says how each effect is performed and each answer is written.
//
// A `Logic` gives the vocabulary of one actor, all of it free of clocks, I/O and hash order:
//
//   State       durable; loaded once for an activation          Transient  waiting callers and counts; empty after a load
//   Message, Effect, Change   variants                          Answer     what a waiting caller gets
//   Limits      the bounds it obeys
//   struct Step { std::vector<Change> changes; Transient transient; std::vector<Effect> effects; };
//   static Step step(const State&, Transient, const Message&, Instant now, Random&, const Limits&);
//   static Step resume(const State&, Instant now, const Limits&);       what a freshly loaded state needs
//   static void apply(State&, const Change&);
//   static std::optional<Instant> alarmAt(const State&, const Limits&); the alarm belongs to the state
//   static bool resting(const State&, const Transient&);                whether nothing is lost when the transient part is
//   static State load(Storage&);                                        the record's codec
//   static void save(Storage&, const Change&);
//
// No change, no commit: a step that returns no changes writes nothing. The transient part is moved into the step and back, so that
// a step costs what it touches; a step that throws sets its actor aside, and the transient part is lost with the activation.
#pragma once

#include <kj/async.h>
#include <kj/debug.h>

#include <map>

#include "runtime/actor/durable-actor.h"
#include "runtime/base/check.h"
#include "runtime/base/names.h"

namespace meridian::actor {

template <typename Logic, typename Interface>
class StepActor: public DurableActor<Interface> {
 public:
  using State = typename Logic::State;
  using Transient = typename Logic::Transient;
  using Message = typename Logic::Message;
  using Effect = typename Logic::Effect;
  using Answer = typename Logic::Answer;
  using Limits = typename Logic::Limits;

  explicit StepActor(Limits limits): limits_(kj::mv(limits)) {}

  // The state in memory has the changes that were discarded.
  DurableActorBase::OnDiscard onDiscard() const override { return DurableActorBase::OnDiscard::RESET; }

  bool mayPassivate() override { return waiting_.empty() && Logic::resting(state_, transient_); }

  void load() override {
    state_ = Logic::load(this->storage());
    run(Logic::resume(state_, this->env().now(), limits_));
  }

 protected:
  // One call, one message: `makeMessage(token)` is delivered in the present turn; the promise resolves when the step, now or later,
  // answers the token, after `write(answer)` has filled in the results.
  template <typename MakeMessage>
  kj::Promise<void> ask(MakeMessage&& makeMessage, kj::Function<void(const Answer&)> write) {
    CallToken token(++lastToken_);
    auto paf = kj::newPromiseAndFulfiller<void>();
    waiting_.emplace(token, Waiter{kj::mv(write), kj::mv(paf.fulfiller)});
    KJ_ON_SCOPE_FAILURE(waiting_.erase(token));
    tell(makeMessage(token));
    return kj::mv(paf.promise);
  }

  // Delivers a message that nobody waits for.
  void tell(const Message& message) {
    run(Logic::step(state_, kj::mv(transient_), message, this->env().now(), this->env().random(), limits_));
  }

  // For effects: answers a waiting caller when the turn has ended well. A token from before a reset is ignored.
  void answer(CallToken token, const Answer& value) {
    auto found = waiting_.find(token);
    if (found == waiting_.end()) return;
    auto waiter = kj::heap<Waiter>(kj::mv(found->second));
    waiting_.erase(found);
    waiter->write(value);
    auto& fulfiller = *waiter->fulfiller;
    this->env().atTurnEnd([&fulfiller, waiter = kj::mv(waiter)]() mutable { fulfiller.fulfill(); },
                          [&fulfiller](const kj::Exception& error) { fulfiller.reject(kj::cp(error)); });
  }

  void refuse(CallToken token, kj::Exception&& error) {
    auto found = waiting_.find(token);
    if (found == waiting_.end()) return;
    found->second.fulfiller->reject(kj::mv(error));
    waiting_.erase(found);
  }

  virtual void perform(const Effect& effect) = 0;

  const State& state() const { return state_; }
  const Limits& limits() const { return limits_; }

 private:
  struct Waiter {
    kj::Function<void(const Answer&)> write;
    kj::Own<kj::PromiseFulfiller<void>> fulfiller;
  };

  template <typename Step>
  void run(Step&& step) {
    for (auto& change: step.changes) {
      Logic::save(this->storage(), change);
      Logic::apply(state_, change);
    }
    transient_ = kj::mv(step.transient);
    if (!step.changes.empty()) setAlarmFor(state_);
    for (auto& effect: step.effects) perform(effect);
  }

  void setAlarmFor(const State& state) {
    auto wanted = Logic::alarmAt(state, limits_);
    if (wanted == this->storage().alarm()) return;
    if (wanted) {
      this->storage().setAlarm(*wanted);
    } else {
      this->storage().clearAlarm();
    }
  }

  Limits limits_;
  State state_{};
  Transient transient_{};
  uint64_t lastToken_ = 0;
  std::map<CallToken, Waiter> waiting_;
};

}  // namespace meridian::actor
