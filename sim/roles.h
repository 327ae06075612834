// The shipped roles as simulated processes: they differ from those of a real platform in what is given to them, not in how they are
// composed.
#pragma once

#include "runtime/actor/host.h"
#include "sim/world/machine.h"
#include "sim/world/process.h"

namespace meridian::sim {

inline const std::string SERVER = "server";
inline const std::string LOCATION = "here";

kj::Own<SimRole> newServer(ProcessParts parts, actor::HostLimits limits);

// Of this machine, whose name the process has. It joins by itself.
kj::Own<SimRole> newAgent(ProcessParts parts, SimMachine& machine, Resources capacity, actor::HostLimits limits);

}  // namespace meridian::sim
