// ActorServer: a simulated process with one store and one or two shards over it, that hosts toy actors. What it does not host it finds
// by placement: an actor on another server, a service of a client.
#pragma once

#include <functional>
#include <vector>

#include "runtime/rpc/peer-set.h"
#include "sim/cluster/placement.h"
#include "sim/world/process.h"

namespace meridian::sim {

class ActorServer final: public SimRole {
 public:
  // Makes the kinds of actors of one host of this server.
  using Kinds = std::function<std::vector<actor::ActorKind>(const std::string& server)>;

  ActorServer(ProcessParts parts, const Placement& placement, size_t shards, const Kinds& kinds, actor::HostLimits limits);
  ~ActorServer() noexcept(false);

  // The shards in turn: a wire may end on another shard than the actor it is for.
  rpc::Vat& vat() override;

  env::Store& store() { return store_; }
  size_t shardCount() const { return parts_.size(); }
  size_t activationCount() const;

 private:
  class PlacedDirectory;
  struct Part;

  void link(size_t index, const ProcessParts& parts);

  SimStore& store_;
  SimClock& clock_;
  std::vector<kj::Own<Part>> parts_;
  size_t accepted_ = 0;
};

}  // namespace meridian::sim
