// DurableActor: the base of every actor. An author implements a Cap'n Proto interface and keeps state in storage(); the
// host (runtime/actor/host.h) gives it turns. The contract is DESIGN section 4; the short of it:
//
//   - one method call, or one continuation of await(), is one turn: one write set, one commit, on one thread;
//   - a method waits only through env().await(), never through a bare .then();
//   - a throw, or a returned rejected promise, discards the writes of its own turn and nothing else;
//   - what leaves the store (replies, calls, exceptions) waits by itself until what it depends on is durable.
//
// An activation is made by the host when its actor is called and dropped when it is idle. Constructors see no env().
#pragma once

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/debug.h>
#include <kj/function.h>

#include "runtime/actor/address.h"
#include "runtime/actor/storage.h"
#include "runtime/base/random.h"
#include "runtime/base/units.h"

namespace meridian::actor {

// What an activation can reach besides its storage. Owned by the host; used inside turns of its activation.
class ActorEnv {
 public:
  virtual const Address& self() = 0;
  virtual Instant now() = 0;
  virtual Random& random() = 0;
  virtual Storage& storage() = 0;

  // A reference by name: it never fails, creates nothing and pins nothing. Calls on it can be DISCONNECTED (the actor's
  // activation was reset, its store lost the batch, or its process is away): retry, the reference stays good.
  template <typename Interface>
  typename Interface::Client actor(kj::StringPtr name) {
    return reference(kindOf<Interface>().c_str(), name).template castAs<Interface>();
  }

  // A capability that the composition wired under this name ("driver", "gateway/g1"); same rules.
  template <typename Interface>
  typename Interface::Client service(kj::StringPtr name) {
    return serviceReference(name).template castAs<Interface>();
  }

  // Ends the turn; `continuation` runs as a turn of its own once the promise has resolved. When the promise is rejected
  // the continuation does not run and the method's promise is rejected, unless `onError` is given.
  template <typename T, typename Continuation>
  kj::Promise<void> await(kj::Promise<T>&& promise, Continuation&& continuation);
  template <typename T, typename Continuation, typename OnError>
  kj::Promise<void> await(kj::Promise<T>&& promise, Continuation&& continuation, OnError&& onError);

  // Resolves after the delay. Not durable: it dies with the activation.
  virtual kj::Promise<void> after(Duration delay) = 0;

  // Runs the promise to its end while all other messages wait; after 30 s the activation is reset.
  virtual kj::Promise<void> blockConcurrencyWhile(kj::Promise<void>&& promise) = 0;

  // Lets `task` run beside the method calls, in turns of its own (its waits are await()s). It dies with the activation; a
  // rejection is logged. A running task keeps the activation in memory.
  virtual void spawn(kj::Promise<void>&& task) = 0;

  // Adds a step to the end of the present turn: `done` after the turn was submitted, or `failed` after it was discarded.
  virtual void atTurnEnd(kj::Function<void()> done, kj::Function<void(const kj::Exception&)> failed) = 0;

 protected:
  ~ActorEnv() = default;

  virtual capnp::Capability::Client reference(kj::StringPtr kind, kj::StringPtr name) = 0;
  virtual capnp::Capability::Client serviceReference(kj::StringPtr name) = 0;

  // Runs f as a turn of this activation; DISCONNECTED when the activation was reset meanwhile.
  virtual kj::Promise<void> continueIn(kj::Promise<void>&& ready, kj::Function<kj::Promise<void>()> turn,
                                       kj::Maybe<kj::Function<kj::Promise<void>(kj::Exception&&)>> onError) = 0;
};

struct AlarmInfo {
  Instant scheduled;
  uint32_t tries;      // failed ones before this
};

class DurableActorBase {
 public:
  virtual ~DurableActorBase() noexcept(false) = default;

  // The first turn of an activation, before its first message.
  virtual void load() {}

  // The actor's alarm: at least once, never early by the wall clock. When it fails it is tried again, 2 s doubling, six times.
  virtual kj::Promise<void> alarm(AlarmInfo info);

  // Whether dropping a call's promise cancels the method between two turns. By default a call runs to its end.
  enum class Cancellation { IGNORED, BETWEEN_TURNS };
  virtual Cancellation cancellation() const { return Cancellation::IGNORED; }

  // Whether the activation may leave memory when it is idle. An actor that keeps something in memory that it would miss says no.
  virtual bool mayPassivate() { return true; }

  // What a discarded turn means for what the actor keeps in memory beside its storage. With RESET the activation ends, and the
  // next call loads it again.
  enum class OnDiscard { KEEP, RESET };
  virtual OnDiscard onDiscard() const { return OnDiscard::KEEP; }

  // The host's: called once, before load().
  void attach(ActorEnv& env) { env_ = &env; }
  virtual capnp::Capability::Server& server() = 0;

 protected:
  ActorEnv& env() { return *env_; }
  Storage& storage() { return env_->storage(); }

 private:
  ActorEnv* env_ = nullptr;
};

template <typename InterfaceType>
class DurableActor: public InterfaceType::Server, public DurableActorBase {
 public:
  using Interface = InterfaceType;
  capnp::Capability::Server& server() final { return *this; }
};

// =======================================================================================
// Inline implementation details.

template <typename T, typename Continuation>
kj::Promise<void> ActorEnv::await(kj::Promise<T>&& promise, Continuation&& continuation) {
  if constexpr (std::is_void_v<T>) {
    return continueIn(kj::mv(promise), kj::fwd<Continuation>(continuation), nullptr);
  } else {
    auto slot = kj::heap<kj::Maybe<T>>();
    auto& slotRef = *slot;
    auto ready = promise.then([&slotRef](T&& value) { slotRef = kj::mv(value); });
    return continueIn(
        kj::mv(ready),
        [slot = kj::mv(slot), continuation = kj::fwd<Continuation>(continuation)]() mutable -> kj::Promise<void> {
          return continuation(kj::mv(KJ_ASSERT_NONNULL(*slot)));
        },
        nullptr);
  }
}

template <typename T, typename Continuation, typename OnError>
kj::Promise<void> ActorEnv::await(kj::Promise<T>&& promise, Continuation&& continuation, OnError&& onError) {
  kj::Function<kj::Promise<void>(kj::Exception&&)> handler = kj::fwd<OnError>(onError);
  if constexpr (std::is_void_v<T>) {
    return continueIn(kj::mv(promise), kj::fwd<Continuation>(continuation), kj::mv(handler));
  } else {
    auto slot = kj::heap<kj::Maybe<T>>();
    auto& slotRef = *slot;
    auto ready = promise.then([&slotRef](T&& value) { slotRef = kj::mv(value); });
    return continueIn(
        kj::mv(ready),
        [slot = kj::mv(slot), continuation = kj::fwd<Continuation>(continuation)]() mutable -> kj::Promise<void> {
          return continuation(kj::mv(KJ_ASSERT_NONNULL(*slot)));
        },
        kj::mv(handler));
  }
}

}  // namespace meridian::actor
