// The command line of `meridian sim`: worlds made from seeds, in which the platform's own actors run.
#pragma once

#include "sim/command/zygote.h"

namespace meridian::sim {

// Answers the status of the process (status.h). Errors are one line on stderr, `meridian: TEXT`.
int runSim(const Program& program, const std::vector<std::string>& arguments);

}  // namespace meridian::sim
