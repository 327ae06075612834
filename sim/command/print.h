// How the commands of `sim` show what they found, to people and to scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sim/command/shrink.h"
#include "sim/command/swarm.h"

namespace meridian::sim {

enum class Format { TEXT, JSON };

// `again` is the line that runs it again.
void printRun(Format format, const Terms& terms, uint64_t seed, const Result& result, const std::string& again);

void printSwarm(Format format, const Program& program, const SwarmOptions& options, const SwarmReport& report,
                const std::string& randomness);

// `terms` are those that the seed was shrunk from.
void printShrunk(Format format, const Program& program, const Terms& terms, uint64_t seed, const std::optional<Shrunk>& shrunk);

void printScenarios(Format format);

}  // namespace meridian::sim
