// Host: runs the durable actors of one store on one shard. It loads an activation when its actor is called, gives it turns, submits
// their write sets, drops idle activations, fires alarms, and sets aside an actor whose own checks fail.
//
// A process with two roles has two hosts, each with its own store; a role with several shards has a host on each, over one store.
// Thread: the shard's. The store, clock, directory and kinds given outlive the host.
#pragma once

#include <capnp/capability.h>
#include <caf/actor_control_block.hpp>
#include <kj/async.h>

#include <list>
#include <map>
#include <memory>
#include <unordered_map>

#include "runtime/actor/activation.h"
#include "runtime/actor/alarm-clock.h"
#include "runtime/actor/output-gate.h"
#include "runtime/actor/shard.h"
#include "runtime/actor/write-buffer.h"
#include "runtime/env/clock.h"

namespace meridian::actor {

// A counted reference to an activation.
class ActivationHandle {
 public:
  explicit ActivationHandle(Activation* activation): control_(activation->ctrl()), activation_(activation) {}
  Activation* operator->() const { return activation_; }
  Activation& operator*() const { return *activation_; }

 private:
  caf::strong_actor_ptr control_;
  Activation* activation_;
};

struct ActorKind {
  std::string name;                                       // of the interface
  kj::Function<kj::Own<DurableActorBase>()> make;
};

// The kind of actors that `make` makes; named by their interface.
template <typename Make>
ActorKind actorKind(Make make) {
  using Actor = kj::Decay<decltype(*make())>;
  return {kindOf<typename Actor::Interface>(), [make = kj::mv(make)]() mutable -> kj::Own<DurableActorBase> { return make(); }};
}

struct HostLimits {
  size_t mailboxMax = 1024;                               // calls that wait at one actor
  size_t activationsMax = 100'000;                        // in memory; above it calls to sleeping actors are OVERLOADED
  Duration idleAfter = std::chrono::seconds(2);           // without a message, an activation may leave memory
  Duration blockMax = std::chrono::seconds(30);           // of blockConcurrencyWhile
  uint32_t alarmTries = 6;
  Duration alarmBackoff = std::chrono::seconds(2);        // doubling
  Duration stallReported = std::chrono::milliseconds(50); // a turn that takes longer is logged
};

// Where an actor or service that this host does not run is found.
class Directory {
 public:
  // None: it lives here.
  virtual kj::Maybe<capnp::Capability::Client> elsewhere(const Address& address) = 0;
  virtual capnp::Capability::Client service(kj::StringPtr name) = 0;

 protected:
  ~Directory() = default;
};

struct HostCounters {
  uint64_t turns = 0;
  uint64_t discarded = 0;
  uint64_t activations = 0;             // loaded so far
  uint64_t resets = 0;
  uint64_t stalls = 0;
  std::map<std::pair<uint64_t, uint16_t>, uint64_t> calls;   // by interface and method
};

class Host final: private env::StoreListener, private IdleWork {
 public:
  Host(Shard& shard, uint8_t shardIndex, env::Store& store, env::Clock& clock, Random random, Directory& directory,
       std::vector<ActorKind> kinds, HostLimits limits = {});
  ~Host() noexcept(false);

  // A reference by name. For the vat that serves this host; what it is told is not yet durable, so it leaves only through a
  // gated connection.
  capnp::Capability::Client reference(const Address& address);
  capnp::Capability::Client serviceReference(kj::StringPtr name) { return directory_.service(name); }
  bool hosts(kj::StringPtr kind) const { return kinds_.count(kind.cStr()) != 0; }

  // Names of actors of a kind that have ever written, in order, above `after`.
  std::vector<std::string> list(std::string_view kind, std::string_view after, size_t limit);

  // One stored value of an actor, without loading it. Throws env::DamagedValue. Like reference(): for what leaves through a gated connection.
  std::optional<std::string> peek(const Address& address, std::string_view key);
  std::vector<env::JournalEntry> journal(uint64_t after, size_t limit);

  // Resolves when the store has moved on: something more is durable.
  kj::Promise<void> whenMoved();

  // Resolves when the store has stopped for good; nothing of this host can become durable any more. To be called once.
  kj::Promise<env::StoreState> whenStoreStops() { return kj::mv(storeStops_); }

  // Ends an activation, if there is one; its next call loads it again.
  void reset(const Address& address, kj::Exception&& reason);

  OutputGate& gate() { return gate_; }
  Shard& shard() { return shard_; }
  env::Store& store() { return store_; }
  const HostCounters& counters() const { return counters_; }
  size_t activationCount() const { return activations_.size(); }

 private:
  friend class Activation;
  friend class ActorReference;

  void deliver(const Address& address, kj::Own<Call> call);
  Activation& activate(const Address& address);
  void removed(Activation& activation);
  // It takes no calls any more; what its callers are told.
  kj::Exception setAside(const Address& address, kj::StringPtr reason);
  std::optional<ActorNumber> numberOf(const Address& address);
  Lsn lastWriteOf(ActorNumber actor) const;
  ActorNumber freshNumber();
  void turnEnded(Lsn observed);
  void alarmSet(const Address& address, std::optional<Instant> at) { alarms_.set(address, at); }
  void alarmDue(const Address& address, Instant at);

  void storeMoved() override;
  void onIdle() override;
  void catchUp();
  void lostBatch();
  kj::Promise<void> passivateIdle();

  Shard& shard_;
  uint8_t shardIndex_;
  env::Store& store_;
  env::Clock& clock_;
  Random random_;
  Directory& directory_;
  HostLimits limits_;
  std::map<std::string, ActorKind, std::less<>> kinds_;
  env::Epoch epoch_;
  OutputGate gate_;
  WriteBuffer buffer_;
  uint32_t lastFresh_ = 0;
  HostCounters counters_;
  std::unordered_map<Address, ActivationHandle> activations_;
  std::vector<kj::Own<Call>> inTurnCalls_;
  Lsn lastDurable_;
  std::unordered_map<Address, kj::String> setAside_;
  AlarmClock alarms_;
  std::list<kj::Own<kj::PromiseFulfiller<void>>> moveWaiters_;
  kj::Own<kj::PromiseFulfiller<env::StoreState>> storeStopFulfiller_;
  kj::Promise<env::StoreState> storeStops_ = nullptr;
  bool passivating_ = false;
  kj::Promise<void> passivation_ = nullptr;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace meridian::actor
