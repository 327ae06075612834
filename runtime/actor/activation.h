// Activation: one durable actor loaded in memory. It is a CAF actor, so that it can be scheduled, monitored and told to exit; its
// method calls wait in a bounded mailbox of our own, because CAF's is not bounded and drops calls without answering them.
//
// Thread: the shard's. Made and removed by the host; a removed activation answers everything with DISCONNECTED.
#pragma once

#include <caf/event_based_actor.hpp>
#include <kj/async.h>

#include <deque>
#include <optional>
#include <set>

#include "runtime/actor/call.h"
#include "runtime/actor/durable-actor.h"
#include "runtime/actor/turn.h"

namespace meridian::actor {

class Host;

class Activation final: public caf::event_based_actor, public ActorEnv, private CallOwner, private kj::TaskSet::ErrorHandler {
 public:
  Activation(caf::actor_config& config, Host& host, const Address& self, kj::Own<DurableActorBase> actor);
  ~Activation() noexcept override;

  // Queues the call; throws OVERLOADED when the mailbox is full.
  void push(kj::Own<Call> call);

  // Runs the alarm as a message of its own.
  void pushAlarm(AlarmInfo info);

  // Ends the activation: what waits or runs is rejected with `reason`, nothing of it runs on.
  void reset(kj::Exception&& reason);
  bool wasReset() const { return resetReason_ != nullptr; }

  // Nothing waits, nothing runs, and the actor does not mind leaving memory.
  bool mayPassivate();
  Instant lastUsed() const { return lastUsed_; }

  Lsn observed() const { return observed_; }

  // ActorEnv
  const Address& self() override { return self_; }
  Instant now() override;
  Random& random() override;
  Storage& storage() override;
  kj::Promise<void> after(Duration delay) override;
  kj::Promise<void> blockConcurrencyWhile(kj::Promise<void>&& promise) override;
  void spawn(kj::Promise<void>&& task) override;
  void atTurnEnd(kj::Function<void()> done, kj::Function<void(const kj::Exception&)> failed) override;

  // CAF
  caf::behavior make_behavior() override;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override;
  resume_result resume(caf::execution_unit* unit, size_t maxThroughput) override;

 protected:
  capnp::Capability::Client reference(kj::StringPtr kind, kj::StringPtr name) override;
  capnp::Capability::Client serviceReference(kj::StringPtr name) override;
  kj::Promise<void> continueIn(kj::Promise<void>&& ready, kj::Function<kj::Promise<void>()> turn,
                               kj::Maybe<kj::Function<kj::Promise<void>(kj::Exception&&)>> onError) override;

 private:
  struct Element {                      // of the mailbox
    kj::Maybe<kj::Own<Call>> call;      // none: the alarm
    AlarmInfo alarm{};
  };

  void schedule();
  void runNext();
  void startCall(kj::Own<Call> call);
  void startAlarm(AlarmInfo info);
  void alarmFailed(AlarmInfo info, const kj::Exception& reason);

  // Runs `body` as one turn. The promise that comes back is rejected when the turn was discarded.
  kj::Promise<void> turn(Lsn cause, kj::FunctionParam<kj::Promise<void>()> body);
  kj::Exception setAside(kj::StringPtr why);
  kj::Promise<void> guarded(kj::FunctionParam<kj::Promise<void>()> body);
  kj::Promise<void> turnOf(uint64_t started, Lsn cause, kj::FunctionParam<kj::Promise<void>()> body);
  void endTurn(Turn& turn, kj::Maybe<kj::Exception>& failure);
  void loadOnce();

  void letGo();
  void callerGone(Call& call) override;
  void taskFailed(kj::Exception&& exception) override;

  Host& host_;
  Address self_;
  kj::Own<DurableActorBase> actor_;
  std::optional<ActorNumber> number_;
  bool loaded_ = false;
  Lsn observed_;
  Turn* turn_ = nullptr;
  Instant lastUsed_;
  uint32_t blocks_ = 0;
  bool scheduled_ = false;
  std::deque<Element> mailbox_;
  struct Running {
    kj::Own<Call> call;
    kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> cancel;   // for classes that opted in
    kj::Maybe<kj::Exception> failure;                        // of a turn of its own
  };
  std::map<uint64_t, Running> running_;   // by their order of starting, which no address decides
  uint64_t lastStarted_ = 0;
  uint64_t turnOf_ = 0;                 // the call that the present turn is part of; 0: of none
  uint32_t continuations_ = 0;          // waits under way
  kj::Maybe<kj::Exception> resetReason_;
  bool gone_ = false;
  kj::Own<kj::TaskSet> tasks_;                   // methods under way, and what was spawned
};

}  // namespace meridian::actor
