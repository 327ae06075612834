// ActorSystem: CAF's actor system with a coordinator of our own that forwards everything to shards. One per process, made
// before the first shard and destroyed after the last.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <kj/memory.h>

namespace meridian::actor {

class Shard;

class ActorSystem {
 public:
  ActorSystem();
  ~ActorSystem() noexcept(false);

  caf::actor_system& caf() { return *system_; }

 private:
  caf::actor_system_config config_;
  kj::Own<caf::actor_system> system_;
};

}  // namespace meridian::actor
