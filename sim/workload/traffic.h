// Traffic: who wants what and when: requests through the gateways, and what operators do, on a handful of IDs.
#pragma once

#include "sim/world.h"

namespace meridian::sim {

class Traffic {
 public:
  Traffic(World& world, const Options& options, Random random): world_(world), options_(options), random_(random) {}

  void begin();
  void end() { *flowing_ = false; }

  // All classes, as they were planned: the world must have them when it begins and when it ends.
  void deployAll() { world_.operators().deploy(options_.classes, schema::Force::YES); }

 private:
  void recur(Duration every, kj::Function<void()> act);
  void request();
  void operate();
  void deploy();
  const ContainerId& anyContainer() { return options_.containers[random_.below(options_.containers.size())]; }

  World& world_;
  const Options& options_;
  Random random_;
  std::shared_ptr<bool> flowing_ = std::make_shared<bool>(false);
};

}  // namespace meridian::sim
