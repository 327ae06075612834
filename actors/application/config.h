// What a user deploys, as far as the Application decides on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::application {

struct ClassDeclaration {
  ClassName name;
  std::string image;
  Resources resources;
  uint32_t maxInstances = 0;
  uint16_t defaultPort = 0;                        // 0: none
};

struct Route {
  std::string path;
  ClassName containerClass;
};

struct Config {
  std::string name;                                // of the application
  std::vector<ClassDeclaration> classes;
  std::vector<Route> routes;
  std::string words;                               // the whole as it came, flat; empty: nothing was ever deployed
};

// Shared, since a config is large and goes from message to state unchanged.
using ConfigPtr = std::shared_ptr<const Config>;

// After remove, and before the first deploy.
inline bool declaresNothing(const Config& config) { return config.classes.empty(); }

}  // namespace meridian::application
