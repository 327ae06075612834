// Storm: the faults of a world while they last: processes die and come back, the network is cut and healed, machines reboot, disks
// stall and fill, instances misbehave. Afterwards everything is whole again.
#pragma once

#include "sim/world.h"

namespace meridian::sim {

class Storm {
 public:
  Storm(World& world, const Options& options, Random random): world_(world), options_(options), random_(random) {}

  void begin();
  void end();

 private:
  void recur(Duration every, kj::Function<void()> fault);
  void mortal(SimProcess& process, const Deaths& deaths);
  void kill(SimProcess& process);
  void partition();
  void reboot();
  void setMoods(const Weather& weather, const DiskMood& disk, const MachineMood& machine);

  World& world_;
  const Options& options_;
  Random random_;
  std::shared_ptr<bool> raging_ = std::make_shared<bool>(false);
};

}  // namespace meridian::sim
