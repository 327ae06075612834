#include "sim/cluster/server.h"

#include <optional>

#include "sim/world/chance.h"

namespace meridian::sim {

class ActorServer::PlacedDirectory final: public actor::Directory {
 public:
  PlacedDirectory(const Placement& placement, std::string self, size_t shards, size_t index)
      : local(shards, index), placement_(placement), self_(std::move(self)) {}

  void reachOthersThrough(rpc::PeerSet& others) { others_ = &others; }

  kj::Maybe<capnp::Capability::Client> elsewhere(const actor::Address& address) override {
    auto server = placement_.serverOf(address);
    if (server == self_) return local.elsewhere(address);
    return others_->find(server.c_str()).actor(address.kind.c_str(), address.name.c_str());
  }

  // "client/service"
  capnp::Capability::Client service(kj::StringPtr name) override {
    auto slash = KJ_REQUIRE_NONNULL(name.findFirst('/'), "a service has a client", name);
    auto client = kj::heapString(name.slice(0, slash));
    return others_->find(client).service(name.slice(slash + 1));
  }

  rpc::RoleDirectory local;

 private:
  const Placement& placement_;
  std::string self_;
  rpc::PeerSet* others_ = nullptr;
};

struct ActorServer::Part {
  kj::Own<actor::Shard> ownShard;       // none: the process's
  actor::Shard* shard;
  std::optional<PlacedDirectory> directory;
  kj::Own<actor::Host> host;
  kj::Own<rpc::Vat> vat;
  std::vector<kj::Own<rpc::Peer>> siblings;
  std::optional<rpc::PeerSet> others;
};

ActorServer::ActorServer(ProcessParts parts, const Placement& placement, size_t shards, const Kinds& kinds, actor::HostLimits limits)
    : store_(parts.store), clock_(parts.clock) {
  for (size_t i = 0; i < shards; ++i) {
    auto part = kj::heap<Part>();
    if (i > 0) part->ownShard = kj::heap<actor::Shard>(parts.shard.system(), parts.random.fork());
    part->shard = i > 0 ? part->ownShard.get() : &parts.shard;
    part->directory.emplace(placement, parts.name, shards, i);
    part->host = kj::heap<actor::Host>(*part->shard, static_cast<uint8_t>(i), parts.store, parts.clock, parts.random.fork(),
                                       *part->directory, kinds(parts.name), limits);
    part->vat = kj::heap<rpc::Vat>(*part->host);
    parts_.push_back(kj::mv(part));
  }
  for (size_t i = 0; i < shards; ++i) link(i, parts);
}

void ActorServer::link(size_t index, const ProcessParts& parts) {
  auto& part = *parts_[index];
  part.others.emplace(*part.vat, parts.clock, [&network = parts.network, self = parts.name](kj::StringPtr name) {
    return network.dial(self, name.cStr());
  });
  part.directory->reachOthersThrough(*part.others);
  for (size_t other = 0; other < parts_.size(); ++other) {
    if (other == index) continue;
    auto dial = [&from = *part.vat, &to = *parts_[other]->vat]() { return from.dial(to, rpc::Stores::SHARED); };
    part.siblings.push_back(kj::heap<rpc::Peer>(*part.vat, parts.clock, kj::mv(dial)));
    part.directory->local.sibling(other, *part.siblings.back());
  }
}

ActorServer::~ActorServer() noexcept(false) {
  for (auto& part: parts_) {
    part->siblings.clear();
    part->others.reset();
  }
  for (auto& part: parts_) part->vat = nullptr;
  for (auto& part: parts_) part->host = nullptr;
}

rpc::Vat& ActorServer::vat() { return *parts_[accepted_++ % parts_.size()]->vat; }

size_t ActorServer::activationCount() const {
  size_t count = 0;
  for (auto& part: parts_) count += part->host->activationCount();
  return count;
}

}  // namespace meridian::sim
