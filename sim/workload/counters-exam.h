// What only calm weather can answer of a tally's host: that each bound is met and each failure stays where it is.
#pragma once

#include "sim/cluster/cluster.h"
#include "sim/toys/tally.capnp.h"

namespace meridian::sim {

// The probe is offered by the examiner.
std::vector<Question> examineTallies(Cluster& cluster, const ClusterOptions& options, ActorClient& examiner, toys::Probe::Client probe);

}  // namespace meridian::sim
