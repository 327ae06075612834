// Feasibility: whether a candidate can take the instance at all. Each predicate looks at one thing; the first that fails
// is the reason.
#pragma once

#include <optional>
#include <string>

#include "actors/placement/placement.h"

namespace meridian::placement {

// In the order in which they are looked for: what the caller said, what can never change, what is short right now.
enum class Obstacle { AVOIDED, TOO_SMALL, CPU_SHORT, MEMORY_SHORT, DISK_SHORT };
inline constexpr size_t OBSTACLES = 5;

bool isAvoided(const Candidate& candidate, const Request& request);
bool isTooSmall(const Candidate& candidate, const Request& request);     // even when empty
bool isShortOfCpu(const Candidate& candidate, const Request& request);
bool isShortOfMemory(const Candidate& candidate, const Request& request);
bool isShortOfDisk(const Candidate& candidate, const Request& request);

std::optional<Obstacle> obstacle(const Candidate& candidate, const Request& request);

// One phrase with the numbers: "memory: 4096 MiB needed, 512 MiB free".
std::string describe(Obstacle obstacle, const Candidate& candidate, const Request& request);

// For counts over many candidates: "short of memory".
std::string_view toText(Obstacle obstacle);

// "0.0625 vCPU, 256 MiB, 2000 MB".
std::string toText(const Resources& resources);

}  // namespace meridian::placement
