#include "runtime/actor/host.h"

#include <caf/actor_system.hpp>
#include <kj/debug.h>
#include <spdlog/spdlog.h>

#include "runtime/actor/actor-reference.h"
#include "runtime/actor/store-keys.h"
#include "runtime/base/check.h"

namespace meridian::actor {

namespace {

kj::Exception setAsideError(const Address& address, kj::StringPtr reason) {
  return KJ_EXCEPTION(FAILED, "the actor is set aside until the process restarts", address.kind.c_str(), address.name.c_str(),
                      reason);
}

}  // namespace

Host::Host(Shard& shard, uint8_t shardIndex, env::Store& store, env::Clock& clock, Random random, Directory& directory,
           std::vector<ActorKind> kinds, HostLimits limits)
    : shard_(shard), shardIndex_(shardIndex), store_(store), clock_(clock), random_(random), directory_(directory),
      limits_(limits), epoch_(store.epoch()), gate_(store), buffer_(store),
      alarms_(clock, buffer_,
              [this](const Address& address) {
                return hosts(address.kind.c_str()) && directory_.elsewhere(address) == nullptr;
              },
              [this](const Address& address, Instant at) { alarmDue(address, at); },
              [this](const Address& address, kj::StringPtr why) { setAside(address, why); }) {
  for (auto& kind : kinds) {
    auto name = kind.name;
    kinds_.emplace(name, kj::mv(kind));
  }
  auto stops = kj::newPromiseAndFulfiller<env::StoreState>();
  storeStopFulfiller_ = kj::mv(stops.fulfiller);
  storeStops_ = kj::mv(stops.promise);
  alarms_.reload();
  store_.addListener(*this);
}

Host::~Host() noexcept(false) {
  store_.removeListener(*this);
  *alive_ = false;
  shard_.forget(*this);
  while (!activations_.empty()) {
    activations_.begin()->second->reset(KJ_EXCEPTION(DISCONNECTED, "the host has ended"));
  }
  // Activations let go in events of the shard, while this host is still whole.
  shard_.drainNow();
}

capnp::Capability::Client Host::reference(const Address& address) { return newActorReference(*this, address); }

// ---- calls

void Host::deliver(const Address& address, kj::Own<Call> call) {
  auto& activation = activate(address);
  auto* raw = call.get();
  if (gate_.inTurn()) {
    // Made inside a turn of this host: what the caller has observed is known when its turn ends, which is before the call runs.
    inTurnCalls_.push_back(kj::addRef(*raw));
  } else {
    raw->causedBy(gate_.arrived());
  }
  activation.push(kj::mv(call));
}

void Host::turnEnded(Lsn observed) {
  for (auto& call : inTurnCalls_) call->causedBy(observed);
  inTurnCalls_.clear();
  gate_.turnEnds(observed);
}

Activation& Host::activate(const Address& address) {
  auto found = activations_.find(address);
  if (found != activations_.end()) return *found->second;

  auto kind = kinds_.find(address.kind);
  KJ_REQUIRE(kind != kinds_.end(), "this node hosts no actors of this kind", address.kind.c_str());
  KJ_REQUIRE(!address.name.empty() && address.name.size() <= ACTOR_NAME_MAX && address.name.find('\0') == std::string::npos,
             "an actor's name has 1 to 400 bytes and no NUL", address.name.size());
  auto aside = setAside_.find(address);
  if (aside != setAside_.end()) {
    kj::throwFatalException(setAsideError(address, aside->second));
  }
  if (activations_.size() >= limits_.activationsMax) {
    kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "too many actors are in memory", limits_.activationsMax));
  }
  caf::actor_config config(&shard_);
  config.add_flag(caf::abstract_actor::is_hidden_flag);
  auto handle = caf::make_actor<Activation, caf::strong_actor_ptr>(
      shard_.system().next_actor_id(), shard_.system().node(), &shard_.system(), config, *this, address, kind->second.make());
  auto* activation = static_cast<Activation*>(caf::actor_cast<caf::abstract_actor*>(handle));
  activation->launch(&shard_, true, true);
  counters_.activations++;
  activations_.emplace(address, ActivationHandle(activation));
  if (!passivating_) {
    passivating_ = true;
    passivation_ = passivateIdle().eagerlyEvaluate([](kj::Exception&& error) { KJ_LOG(ERROR, error); });
  }
  return *activation;
}

void Host::removed(Activation& activation) { activations_.erase(activation.self()); }

void Host::reset(const Address& address, kj::Exception&& reason) {
  auto found = activations_.find(address);
  if (found == activations_.end()) return;
  counters_.resets++;
  found->second->reset(kj::mv(reason));
}

kj::Exception Host::setAside(const Address& address, kj::StringPtr reason) {
  auto [found, isNew] = setAside_.try_emplace(address, kj::heapString(reason));
  if (isNew) {
    spdlog::error("actor-set-aside actor={} reason={}", toText(address), reason.cStr());
    counters_.resets++;
  }
  return setAsideError(address, found->second);
}

std::optional<ActorNumber> Host::numberOf(const Address& address) {
  buffer_.beginReads();
  KJ_DEFER(buffer_.endReads());
  auto stored = buffer_.get(nameKey(address));
  if (!stored) return std::nullopt;
  return decodeNumber(*stored);
}

Lsn Host::lastWriteOf(ActorNumber actor) const {
  return std::max(buffer_.latest(storageKey(actor, "")), buffer_.latest(alarmKey(actor)));
}

ActorNumber Host::freshNumber() {
  // Unique for ever: the store's term grows with each opening, each shard counts for itself.
  return ActorNumber(store_.term() << 40 | static_cast<uint64_t>(shardIndex_) << 32 | ++lastFresh_);
}

kj::Promise<void> Host::passivateIdle() {
  return clock_.after(limits_.idleAfter / 2).then([this]() -> kj::Promise<void> {
    auto before = clock_.now() - limits_.idleAfter;
    std::vector<ActivationHandle> idle;
    for (auto& [address, activation] : activations_) {
      if (activation->lastUsed() <= before && activation->mayPassivate()) idle.push_back(activation);
    }
    for (auto& activation : idle) activation->reset(KJ_EXCEPTION(DISCONNECTED, "the actor left memory"));
    if (activations_.empty()) {
      passivating_ = false;
      return kj::READY_NOW;
    }
    return passivateIdle();
  });
}

// ---- store

std::vector<std::string> Host::list(std::string_view kind, std::string_view after, size_t limit) {
  std::vector<std::string> names;
  if (limit == 0) return names;
  auto prefix = namePrefix(kind);
  buffer_.beginReads();
  buffer_.scan(prefix, after.empty() ? "" : prefix + std::string(after), [&](const env::Row& row) {
    names.emplace_back(row.key().substr(prefix.size()));
    return names.size() < limit ? WriteBuffer::Visit::GO_ON : WriteBuffer::Visit::STOP;
  });
  buffer_.endReads();
  return names;
}

std::optional<std::string> Host::peek(const Address& address, std::string_view key) {
  auto number = numberOf(address);
  if (!number) return std::nullopt;
  buffer_.beginReads();
  KJ_DEFER(buffer_.endReads());
  return buffer_.get(storageKey(*number, key));
}

std::vector<env::JournalEntry> Host::journal(uint64_t after, size_t limit) {
  buffer_.beginReads();
  KJ_DEFER(buffer_.endReads());
  return buffer_.reader().journal(after, limit);
}

kj::Promise<void> Host::whenMoved() {
  auto paf = kj::newPromiseAndFulfiller<void>();
  moveWaiters_.push_back(kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

void Host::onIdle() { store_.flush(); }

void Host::storeMoved() {
  // On the committing thread. The host may end while this is under way to its shard.
  shard_.post([this, alive = alive_]() {
    if (*alive) catchUp();
  });
}

void Host::catchUp() {
  // In this order: when durable() has passed an aborted batch, the epoch that says so is visible too.
  auto durable = store_.durable();
  if (store_.epoch() != epoch_) lostBatch();
  buffer_.durableIs(durable);
  gate_.durableIs(durable);
  if (auto state = store_.state(); state != env::StoreState::OPEN) storeStopFulfiller_->fulfill(kj::cp(state));
  if (durable == lastDurable_) return;
  lastDurable_ = durable;
  auto waiters = kj::mv(moveWaiters_);
  moveWaiters_.clear();
  for (auto& waiter : waiters) waiter->fulfill();
}

void Host::lostBatch() {
  epoch_ = store_.epoch();
  spdlog::warn("batch-aborted epoch={} activations={}", epoch_.value(), activations_.size());
  auto why = store_.whyAborted();
  auto reason = KJ_EXCEPTION(DISCONNECTED, "the store could not commit; what was not durable is undone, try again", why.c_str());
  buffer_.clear();
  while (!activations_.empty()) {
    counters_.resets++;
    activations_.begin()->second->reset(kj::cp(reason));
  }
  gate_.abort(reason);
  alarms_.reload();
}

// ---- alarms

void Host::alarmDue(const Address& address, Instant at) {
  if (setAside_.count(address) != 0) return;
  KJ_IF_MAYBE(error, kj::runCatchingExceptions([&]() { activate(address).pushAlarm({at, 0}); })) {
    spdlog::warn("alarm-delayed actor={} reason={}", toText(address), error->getDescription().cStr());
    alarms_.set(address, clock_.now() + limits_.alarmBackoff);
  }
}

}  // namespace meridian::actor
