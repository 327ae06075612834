// What a config must be before anything is done with it. The command line checks a file and can name its lines; this is the border
// of the actor, where configs come from any client.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "actors/application/config.h"

namespace meridian::application {

struct ConfigLimits {
  size_t classesMax = 256;
  size_t routesMax = 1'000;
  size_t pathMax = 1'024;                          // bytes of a route's path
  uint32_t maxInstancesMax = 100'000;              // of one class
  size_t wordsMax = 400 << 10;                     // bytes of the whole; two of them fit a record
};

// The first thing wrong, as one sentence that names field, value and what is allowed. `application` is the name that the config
// must have.
std::optional<std::string> objection(const Config& config, const std::string& application, const ConfigLimits& limits);

}  // namespace meridian::application
