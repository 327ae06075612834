// The command line that runs a world again.
#pragma once

#include <string>

#include "sim/command/worlds.h"

namespace meridian::sim {

// "build/meridian sim run containers --seed 17 --storm 3s --without late,loss", fit for a shell.
std::string runAgain(const Program& program, const Terms& terms, uint64_t seed);

}  // namespace meridian::sim
