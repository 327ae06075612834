// `sim explore`: small worlds searched whole.
#pragma once

#include <optional>
#include <vector>

#include "sim/command/print.h"
#include "sim/explore/search.h"
#include "sim/explore/worlds.h"

namespace meridian::sim {

struct ExploreOptions {
  static constexpr uint32_t EVENTS_MAX = 12;

  std::vector<const explore::World*> worlds;
  std::optional<uint32_t> events;      // absent: of each world its own
  explore::Bounds bounds;              // without the events
};

// Prints what each search found. Answers the status: the worst of them.
int runExplore(Format format, const ExploreOptions& options);

// One of the worlds, or all.
std::vector<const explore::World*> parseWorlds(const std::optional<std::string>& text);

}  // namespace meridian::sim
