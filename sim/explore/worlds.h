// The worlds that `sim explore` searches.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "sim/explore/space.h"

namespace meridian::explore {

struct World {
  std::string_view name;
  std::string_view about;
  std::string_view holds;              // in every state, when there is no violation
  uint32_t events;                     // by default; a search of some seconds
  std::unique_ptr<Space> (*make)();
};

const std::vector<World>& worlds();

}  // namespace meridian::explore
