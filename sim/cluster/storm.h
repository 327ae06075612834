// ClusterStorm: the faults of a cluster while they last: processes die and come back, stores get a second owner, the network is cut and
// healed, disks stall and fill, clocks step. Afterwards everything is whole again.
#pragma once

#include "sim/cluster/cluster.h"
#include "sim/fault/recurrence.h"

namespace meridian::sim {

class ClusterStorm {
 public:
  ClusterStorm(Cluster& cluster, const ClusterOptions& options, Random random)
      : cluster_(cluster), options_(options), random_(random), faults_(cluster.stage(), random_.fork()) {}

  void begin();
  void end();

 private:
  void mortal(SimProcess& process, const Deaths& deaths);
  void kill(SimProcess& process);
  void partition();
  void haunt(SimProcess& server);
  void stepClock();

  Cluster& cluster_;
  const ClusterOptions& options_;
  Random random_;
  Recurrence faults_;
};

}  // namespace meridian::sim
