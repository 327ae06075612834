#include "runtime/actor/activation.h"

#include <kj/async-inl.h>
#include <kj/debug.h>
#include <spdlog/spdlog.h>

#include <typeinfo>

#include "runtime/actor/host.h"
#include "runtime/actor/store-keys.h"
#include "runtime/base/check.h"

namespace meridian::actor {

namespace {

enum class Settled { NO, FULFILLED, REJECTED };

// Whether a promise has its outcome already, without an event: a method that did not wait ends with its turn.
Settled settled(kj::Promise<void>& promise, kj::Maybe<kj::Exception>& reason) {
  auto& node = kj::_::PromiseNode::from(promise);
  if (typeid(node) == typeid(kj::_::ImmediatePromiseNode<kj::_::Void>)) return Settled::FULFILLED;
  if (typeid(node) != typeid(kj::_::ImmediateBrokenPromiseNode)) return Settled::NO;
  kj::_::ExceptionOr<kj::_::Void> outcome;
  node.get(outcome);
  reason = kj::mv(outcome.exception);
  promise = kj::cp(KJ_ASSERT_NONNULL(reason));
  return Settled::REJECTED;
}

}  // namespace

Activation::Activation(caf::actor_config& config, Host& host, const Address& self, kj::Own<DurableActorBase> actor)
    : caf::event_based_actor(config), host_(host), self_(self), actor_(kj::mv(actor)),
      lastUsed_(host.clock_.now()), tasks_(kj::heap<kj::TaskSet>(static_cast<kj::TaskSet::ErrorHandler&>(*this))) {
  actor_->attach(*this);
}

Activation::~Activation() noexcept = default;

// ---- mailbox

void Activation::push(kj::Own<Call> call) {
  if (mailbox_.size() >= host_.limits_.mailboxMax) {
    kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "the actor's mailbox is full", self_.kind.c_str(),
                                         self_.name.c_str(), host_.limits_.mailboxMax));
  }
  if (actor_->cancellation() == DurableActorBase::Cancellation::BETWEEN_TURNS) call->context().allowCancellation();
  call->ownedBy(this);
  mailbox_.push_back({kj::mv(call)});
  schedule();
}

void Activation::pushAlarm(AlarmInfo info) {
  mailbox_.push_back({nullptr, info});
  schedule();
}

void Activation::schedule() {
  if (scheduled_ || mailbox_.empty() || blocks_ > 0) return;
  scheduled_ = true;
  caf::intrusive_ptr_add_ref(ctrl());
  host_.shard_.exec_later(this);
}

void Activation::enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) {
  // Whoever sends: this actor runs on its own shard.
  scheduled_actor::enqueue(kj::mv(message), &host_.shard_);
}

caf::behavior Activation::make_behavior() {
  // Calls have a mailbox of their own; through CAF's come exit and down messages only.
  set_exit_handler([this](caf::exit_msg& message) {
    reset(KJ_EXCEPTION(DISCONNECTED, "the activation was told to exit", caf::to_string(message.reason).c_str()));
  });
  return {[](caf::unit_t) {}};
}

caf::resumable::resume_result Activation::resume(caf::execution_unit* unit, size_t maxThroughput) {
  if (wasReset()) {
    letGo();
    return caf::resumable::done;
  }
  if (!activate(unit)) return caf::resumable::done;
  scheduled_ = false;
  for (size_t n = 0; n < maxThroughput && !mailbox_.empty() && blocks_ == 0 && !wasReset(); n++) runNext();
  if (!mailbox().blocked() && !mailbox().closed()) {
    auto result = event_based_actor::resume(unit, maxThroughput);
    if (result == caf::resumable::done) return result;
    if (result == caf::resumable::resume_later) return result;
  }
  if (wasReset()) {
    letGo();
    return caf::resumable::done;
  }
  schedule();
  return caf::resumable::awaiting_message;
}

void Activation::runNext() {
  auto element = kj::mv(mailbox_.front());
  mailbox_.pop_front();
  lastUsed_ = host_.clock_.now();
  loadOnce();
  if (wasReset()) {
    KJ_IF_MAYBE(call, element.call) (*call)->reject(kj::cp(KJ_ASSERT_NONNULL(resetReason_)), observed_);
    return;
  }
  KJ_IF_MAYBE(call, element.call) {
    startCall(kj::mv(*call));
  } else {
    startAlarm(element.alarm);
  }
}

void Activation::loadOnce() {
  if (loaded_) return;
  loaded_ = true;
  auto loading = guarded([this]() -> kj::Promise<void> {
    number_ = host_.numberOf(self_);
    // What it wrote before it left memory may not be durable yet, and it is about to see that.
    if (number_) observed_ = std::max(observed_, host_.lastWriteOf(*number_));
    return kj::READY_NOW;
  });
  if (wasReset()) return;
  loading = turn(Lsn(0), [this]() -> kj::Promise<void> {
    actor_->load();
    return kj::READY_NOW;
  });
  kj::Maybe<kj::Exception> reason;
  if (settled(loading, reason) != Settled::REJECTED || wasReset()) return;
  // A record that this build cannot read must not be guessed at.
  auto& why = KJ_ASSERT_NONNULL(reason);
  setAside(why.getDescription());
}

kj::Exception Activation::setAside(kj::StringPtr why) {
  auto error = host_.setAside(self_, why);
  reset(kj::cp(error));
  return error;
}

void Activation::startCall(kj::Own<Call> call) {
  host_.counters_.calls[{call->interfaceId, call->methodId}]++;
  auto method = turn(call->cause(), [&]() -> kj::Promise<void> {
    capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context(call->context());
    return actor_->server().dispatchCall(call->interfaceId, call->methodId, context).promise;
  });
  kj::Maybe<kj::Exception> reason;
  switch (settled(method, reason)) {
    case Settled::FULFILLED:
      return call->fulfill(observed_);
    case Settled::REJECTED:
      return call->reject(kj::mv(KJ_ASSERT_NONNULL(reason)), observed_);
    case Settled::NO:
      break;
  }
  Running running{kj::mv(call), nullptr};
  if (actor_->cancellation() == DurableActorBase::Cancellation::BETWEEN_TURNS) {
    auto paf = kj::newPromiseAndFulfiller<void>();
    running.cancel = kj::mv(paf.fulfiller);
    method = method.exclusiveJoin(kj::mv(paf.promise));
  }
  auto started = ++lastStarted_;
  running_.emplace(started, kj::mv(running));
  auto end = [this, started]() {
    auto ended = running_.extract(started);
    return kj::mv(ended.mapped().call);
  };
  tasks_->add(method.then([this, end]() { end()->fulfill(observed_); },
                          [this, end](kj::Exception&& why) { end()->reject(kj::mv(why), observed_); }));
}

void Activation::callerGone(Call& call) {
  for (auto& [started, running] : running_) {
    if (running.call.get() != &call) continue;
    KJ_IF_MAYBE(cancel, running.cancel) {
      (*cancel)->reject(KJ_EXCEPTION(DISCONNECTED, "the caller has gone"));
    }
    return;
  }
}

// ---- turns

kj::Promise<void> Activation::guarded(kj::FunctionParam<kj::Promise<void>()> body) {
  try {
    return body();
  } catch (const CheckFailed& failed) {
    return setAside(failed.what());
  } catch (const env::DamagedValue& damaged) {
    return setAside(kj::str("a stored value is damaged: ", describeKey(damaged.key()).c_str()));
  } catch (kj::Exception& error) {
    return kj::mv(error);
  } catch (const std::exception& error) {
    return KJ_EXCEPTION(FAILED, "std::exception", error.what());
  }
}

kj::Promise<void> Activation::turn(Lsn cause, kj::FunctionParam<kj::Promise<void>()> body) {
  check(turn_ == nullptr, "an activation runs one turn at a time");
  host_.catchUp();
  KJ_IF_MAYBE(reason, resetReason_) return kj::cp(*reason);
  observed_ = std::max(observed_, cause);
  auto began = host_.clock_.monotonic();
  host_.counters_.turns++;
  host_.buffer_.beginReads();
  Turn turn(self_, host_.buffer_, number_, host_.freshNumber());
  turn_ = &turn;
  host_.gate_.turnBegins();

  auto promise = guarded(body);
  kj::Maybe<kj::Exception> failure;
  settled(promise, failure);
  endTurn(turn, failure);
  KJ_IF_MAYBE(why, failure) promise = kj::cp(*why);

  auto took = host_.clock_.monotonic() - began;
  if (took > host_.limits_.stallReported) {
    host_.counters_.stalls++;
    spdlog::warn("stall actor={} ms={}", toText(self_), toMs(took));
  }
  return promise;
}

void Activation::endTurn(Turn& turn, kj::Maybe<kj::Exception>& failure) {
  turn_ = nullptr;
  host_.buffer_.endReads();
  if (failure == nullptr && !turn.empty()) {
    auto alarm = turn.alarmChanged() ? kj::Maybe<std::optional<Instant>>(turn.alarm()) : nullptr;
    failure = kj::runCatchingExceptions([&]() {
      auto set = turn.take(host_.epoch_);
      auto writes = set.writes;
      auto lsn = host_.store_.submit(kj::mv(set));
      if (!lsn) kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the store lost a batch", toText(self_).c_str()));
      observed_ = std::max(observed_, *lsn);
      number_ = turn.number();
      host_.buffer_.add(*lsn, writes);
      host_.shard_.whenIdle(host_);
    });
    KJ_IF_MAYBE(refusal, failure) {
      host_.gate_.turnRefused(*refusal);
    } else {
      KJ_IF_MAYBE(at, alarm) host_.alarmSet(self_, *at);
    }
  }
  host_.turnEnded(observed_);
  auto atEnd = kj::mv(turn.atEnd);
  KJ_IF_MAYBE(why, failure) {
    host_.counters_.discarded++;
    for (auto& each : atEnd) each.failed(*why);
    if (actor_->onDiscard() == DurableActorBase::OnDiscard::RESET) reset(kj::cp(*why));
  } else {
    for (auto& each : atEnd) each.done();
  }
}

kj::Promise<void> Activation::continueIn(kj::Promise<void>&& ready, kj::Function<kj::Promise<void>()> next,
                                         kj::Maybe<kj::Function<kj::Promise<void>(kj::Exception&&)>> onError) {
  continuations_++;
  auto counted = kj::defer([this, self = caf::strong_actor_ptr(ctrl())]() { continuations_--; });
  auto resumed = ready.then(
      [this, next = kj::mv(next)]() mutable { return turn(host_.gate_.delivered(), [&]() { return next(); }); },
      [this, onError = kj::mv(onError)](kj::Exception&& error) mutable -> kj::Promise<void> {
        KJ_IF_MAYBE(handler, onError) {
          return turn(host_.gate_.delivered(), [&]() { return (*handler)(kj::mv(error)); });
        }
        return kj::mv(error);
      });
  return resumed.attach(kj::mv(counted));
}

// ---- alarm

void Activation::startAlarm(AlarmInfo info) {
  bool stillSet = false;
  bool done = false;
  auto method = turn(Lsn(0), [&]() -> kj::Promise<void> {
    auto row = turn_->alarmRow();
    stillSet = row && row->at <= host_.clock_.now();
    if (!stillSet) return kj::READY_NOW;
    info = {row->at, row->tries};
    auto running = actor_->alarm(info);
    kj::Maybe<kj::Exception> reason;
    done = settled(running, reason) == Settled::FULFILLED;
    auto after = turn_->alarmRow();
    if (done && after && after->at == info.scheduled) turn_->clearAlarm();
    return running;
  });
  if (done || !stillSet) {
    kj::Maybe<kj::Exception> reason;
    if (settled(method, reason) != Settled::REJECTED) return;
    return alarmFailed(info, KJ_ASSERT_NONNULL(reason));
  }
  tasks_->add(continueIn(kj::mv(method),
                        [this, info]() -> kj::Promise<void> {
                          auto row = turn_->alarmRow();
                          if (row && row->at == info.scheduled) turn_->clearAlarm();
                          return kj::READY_NOW;
                        },
                        kj::Function<kj::Promise<void>(kj::Exception&&)>([this, info](kj::Exception&& error) -> kj::Promise<void> {
                          host_.shard_.post([this, info, self = caf::strong_actor_ptr(ctrl()), error = kj::mv(error)]() {
                            alarmFailed(info, error);
                          });
                          return kj::READY_NOW;
                        })));
}

void Activation::alarmFailed(AlarmInfo info, const kj::Exception& reason) {
  uint32_t tries = info.tries + 1;
  bool gaveUp = tries >= host_.limits_.alarmTries;
  spdlog::warn("alarm-failed actor={} tries={} gave-up={} reason={}", toText(self_), tries, gaveUp,
               reason.getDescription().cStr());
  auto backoff = host_.limits_.alarmBackoff * (1 << (tries - 1));
  auto jittered = backoff + Duration(static_cast<int64_t>(host_.random_.unit() * 0.25 * static_cast<double>(backoff.count())));
  if (wasReset()) {
    // Its row in the store stands; only this host's clock forgot it when it fired.
    if (!gaveUp) host_.alarmSet(self_, host_.clock_.now() + jittered);
    return;
  }
  tasks_->add(turn(Lsn(0), [&]() -> kj::Promise<void> {
    auto row = turn_->alarmRow();
    if (!row || row->at != info.scheduled) return kj::READY_NOW;   // The actor has set another one.
    turn_->writeAlarm(gaveUp ? std::nullopt : std::optional(AlarmRow{host_.clock_.now() + jittered, tries}));
    return kj::READY_NOW;
  }));
}

// ---- end

void Activation::reset(kj::Exception&& reason) {
  if (wasReset()) return;
  resetReason_ = kj::mv(reason);
  // What runs may be what called us: it is let go from an event of its own.
  caf::intrusive_ptr_add_ref(ctrl());
  host_.removed(*this);
  host_.shard_.exec_later(this);
}

void Activation::letGo() {
  if (gone_) return;
  gone_ = true;
  auto& reason = KJ_ASSERT_NONNULL(resetReason_);
  tasks_ = nullptr;
  bool alarmLost = false;
  auto giveUp = [&](kj::Own<Call>& call) {
    call->ownedBy(nullptr);
    call->reject(kj::cp(reason), observed_);
  };
  for (auto& element : mailbox_) {
    KJ_IF_MAYBE(call, element.call) {
      giveUp(*call);
    } else {
      alarmLost = true;
    }
  }
  for (auto& [started, running] : running_) giveUp(running.call);
  mailbox_.clear();
  running_.clear();
  // Its row in the store stands; only this host's clock forgot the alarm when it fired.
  if (alarmLost) host_.alarmSet(self_, host_.clock_.now() + host_.limits_.alarmBackoff);
  actor_ = nullptr;
  quit(caf::exit_reason::user_shutdown);
  finalize();
}

bool Activation::mayPassivate() {
  return mailbox_.empty() && running_.empty() && continuations_ == 0 && tasks_->isEmpty() && blocks_ == 0 &&
         turn_ == nullptr && actor_->mayPassivate();
}

// ---- ActorEnv

Instant Activation::now() { return host_.clock_.now(); }
Random& Activation::random() { return host_.random_; }

Storage& Activation::storage() {
  check(turn_ != nullptr, "storage is used inside a turn of its own actor");
  return *turn_;
}

kj::Promise<void> Activation::after(Duration delay) { return host_.clock_.after(delay); }

kj::Promise<void> Activation::blockConcurrencyWhile(kj::Promise<void>&& promise) {
  blocks_++;
  auto unblock = kj::defer([this, self = caf::strong_actor_ptr(ctrl())]() {
    blocks_--;
    if (!wasReset()) schedule();
  });
  auto limit = host_.clock_.after(host_.limits_.blockMax).then([this]() -> kj::Promise<void> {
    auto error = KJ_EXCEPTION(DISCONNECTED, "blockConcurrencyWhile took too long", toText(self_).c_str(),
                              toMs(host_.limits_.blockMax));
    reset(kj::cp(error));
    return error;
  });
  return promise.exclusiveJoin(kj::mv(limit)).attach(kj::mv(unblock));
}

void Activation::spawn(kj::Promise<void>&& task) { tasks_->add(kj::mv(task)); }

void Activation::taskFailed(kj::Exception&& exception) {
  if (wasReset()) return;
  spdlog::warn("task-failed actor={} reason={}", toText(self_), exception.getDescription().cStr());
}

void Activation::atTurnEnd(kj::Function<void()> done, kj::Function<void(const kj::Exception&)> failed) {
  check(turn_ != nullptr, "atTurnEnd is called inside a turn");
  turn_->atEnd.push_back({kj::mv(done), kj::mv(failed)});
}

capnp::Capability::Client Activation::reference(kj::StringPtr kind, kj::StringPtr name) {
  return host_.reference({kind.cStr(), name.cStr()});
}

capnp::Capability::Client Activation::serviceReference(kj::StringPtr name) { return host_.serviceReference(name); }

}  // namespace meridian::actor
