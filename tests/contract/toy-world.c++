#include "tests/contract/toy-world.h"

namespace meridian::toy {

ToyWorld::ToyWorld(size_t shards, actor::HostLimits limits)
    : shardTotal_(shards), limits_(limits), loop_(port_), waitScope_(loop_), clock_(time_) {
  embedderShard_ = kj::heap<actor::Shard>(system_.caf(), nullptr);
  embedder_ = kj::heap<rpc::Vat>(*embedderShard_);
  start();
}

ToyWorld::~ToyWorld() noexcept(false) {
  stop();
  embedder_ = nullptr;
  embedderShard_ = nullptr;
}

void ToyWorld::start() {
  store_ = kj::heap<sim::SimStore>(disk_);
  for (size_t i = 0; i < shardTotal_; i++) {
    auto parts = kj::heap<ShardParts>();
    parts->shard = kj::heap<actor::Shard>(system_.caf(), nullptr);
    parts->directory = kj::heap<rpc::RoleDirectory>(shardTotal_, i);
    std::vector<actor::ActorKind> kinds;
    kinds.push_back(actor::actorKind([this]() { return kj::heap<CounterActor>(loads); }));
    kinds.push_back(actor::actorKind([]() { return kj::heap<PatientActor>(); }));
    kinds.push_back(actor::actorKind([]() { return kj::heap<ImpatientActor>(); }));
    parts->host = kj::heap<actor::Host>(*parts->shard, i, *store_, clock_, Random(i + 1), *parts->directory, kj::mv(kinds),
                                        limits_);
    parts->vat = kj::heap<rpc::Vat>(*parts->host);
    shards_.push_back(kj::mv(parts));
  }
  for (size_t i = 0; i < shardTotal_; i++) wire(i);
}

void ToyWorld::wire(size_t index) {
  auto& parts = *shards_[index];
  auto peerOf = [this](rpc::Vat& from, rpc::Vat& to, rpc::Stores stores) {
    return kj::heap<rpc::Peer>(from, clock_, [&from, &to, stores]() { return from.dial(to, stores); });
  };
  for (size_t other = 0; other < shardTotal_; other++) {
    if (other == index) continue;
    parts.siblings.push_back(peerOf(*parts.vat, *shards_[other]->vat, rpc::Stores::SHARED));
    parts.directory->sibling(other, *parts.siblings.back());
  }
  parts.services = peerOf(*parts.vat, *embedder_, rpc::Stores::APART);
  auto& services = *parts.services;
  parts.directory->routeServices("", [&services](kj::StringPtr) -> kj::Maybe<rpc::Peer&> { return services; });
  parts.fromEmbedder = peerOf(*embedder_, *parts.vat, rpc::Stores::APART);
}

void ToyWorld::stop() {
  for (auto& parts : shards_) {
    parts->fromEmbedder = nullptr;
    parts->services = nullptr;
    parts->siblings.clear();
  }
  settle();
  for (auto& parts : shards_) parts->vat = nullptr;
  for (auto& parts : shards_) parts->host = nullptr;
  shards_.clear();
  store_ = nullptr;
}

void ToyWorld::crash() {
  store_->crash();
  stop();
  start();
}

Counter::Client ToyWorld::counter(const std::string& name) { return actor<Counter>(name); }

std::string ToyWorld::nameOn(size_t shard, const std::string& stem) const {
  for (int i = 0;; i++) {
    auto name = stem + std::to_string(i);
    if (rpc::shardOf({"Counter", name}, shardTotal_) == shard) return name;
  }
}

void ToyWorld::settle() { waitScope_.poll(); }

bool ToyWorld::commit() {
  settle();
  bool committed = store_->commitPending();
  settle();
  return committed;
}

void ToyWorld::commitAll() {
  while (commit()) {
  }
}

void ToyWorld::advance(Duration by) {
  auto end = time_.now() + by;
  settle();
  for (auto next = time_.next(); next && *next <= end; next = time_.next()) {
    time_.advanceTo(*next);
    settle();
  }
  time_.advanceTo(end);
  settle();
}

}  // namespace meridian::toy
