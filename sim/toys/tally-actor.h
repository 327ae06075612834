// TallyActor: a sum that only grows, kept under two keys, and in memory too where its world has no second owner of a store.
#pragma once

#include <functional>
#include <optional>

#include "runtime/actor/durable-actor.h"
#include "sim/toys/tally.capnp.h"

namespace meridian::sim {

// Told of what one tally heard another say, before it does anything about it.
using Hearsay = std::function<void(const std::string& listener, const std::string& speaker, int64_t value)>;

enum class Remembers { NOTHING, ITS_SUM };

template <typename Interface, actor::DurableActorBase::Cancellation CANCELLATION>
class TallyActorOf final: public actor::DurableActor<Interface> {
 public:
  using Server = toys::Tally::Server;

  TallyActorOf(Remembers remembers, const Hearsay& hearsay): remembers_(remembers), hearsay_(hearsay) {}

  // What it remembers has the changes that were discarded.
  actor::DurableActorBase::OnDiscard onDiscard() const override { return actor::DurableActorBase::OnDiscard::RESET; }
  actor::DurableActorBase::Cancellation cancellation() const override { return CANCELLATION; }

  kj::Promise<void> add(Server::AddContext context) override;
  kj::Promise<void> get(Server::GetContext context) override;
  kj::Promise<void> addAndFail(Server::AddAndFailContext context) override;
  kj::Promise<void> addThenFail(Server::AddThenFailContext context) override;
  kj::Promise<void> addAround(Server::AddAroundContext context) override;
  kj::Promise<void> feed(Server::FeedContext context) override;
  kj::Promise<void> tell(Server::TellContext context) override;
  kj::Promise<void> other(Server::OtherContext context) override;
  kj::Promise<void> relay(Server::RelayContext context) override;
  kj::Promise<void> hear(Server::HearContext context) override;
  kj::Promise<void> work(Server::WorkContext context) override;
  kj::Promise<void> progress(Server::ProgressContext context) override;
  kj::Promise<void> failCheck(Server::FailCheckContext context) override;
  kj::Promise<void> outside(Server::OutsideContext context) override;

 private:
  using actor::DurableActor<Interface>::env;
  using actor::DurableActor<Interface>::storage;

  int64_t value();
  int64_t grow(int64_t by);
  uint32_t count(const char* key) { return storage().template get<uint32_t>(key).orDefault(0); }

  Remembers remembers_;
  const Hearsay& hearsay_;
  std::optional<int64_t> remembered_;
};

using TallyActor = TallyActorOf<toys::Tally, actor::DurableActorBase::Cancellation::IGNORED>;
using EasyTallyActor = TallyActorOf<toys::EasyTally, actor::DurableActorBase::Cancellation::BETWEEN_TURNS>;

}  // namespace meridian::sim
