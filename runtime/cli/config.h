// An application as its user declares it: `meridian.jsonc`, checked and with the defaults filled in. Plain values, which
// config-codec turns into schema::ApplicationConfig. A key that is not known here is refused, so a limit that nobody
// enforces is never silently accepted.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::cli {

inline constexpr std::string_view CONFIG_FILE_DEFAULT = "meridian.jsonc";

enum class RestartPolicy { NEVER, ON_FAILURE, ALWAYS };

struct ClassConfig {
  ClassName className;
  std::string image;  // rootfs:DIR or oci:DIR[:tag], DIR absolute
  Resources resources;
  uint32_t maxInstances = 20;  // wrangler's default
  std::optional<uint16_t> defaultPort;
  std::vector<uint16_t> requiredPorts;
  Duration sleepAfter = std::chrono::minutes(10);
  std::vector<std::string> entrypoint;  // empty: the image's own
  std::vector<std::pair<std::string, std::string>> env;
  std::optional<std::string> user;
  RestartPolicy restart = RestartPolicy::NEVER;
  std::optional<Duration> stopGrace;  // absent: the default of the platform it is deployed to
  Duration startTimeout = std::chrono::seconds(30);
};

struct RouteConfig {
  std::string path;
  ClassName className;
};

struct ApplicationConfig {
  std::string name;
  std::vector<ClassConfig> classes;
  std::vector<RouteConfig> routes;
};

// Throws ConfigError (config-value.h). Relative image folders are taken from the folder of the file.
ApplicationConfig loadConfig(const std::filesystem::path& file);

// The same for a text at hand; `file` names it in errors and `folder` is an absolute path.
ApplicationConfig parseConfig(std::string_view text, const std::string& file,
                              const std::filesystem::path& folder);

// What is wrong with the name of an environment variable that a user sets, or nothing.
std::optional<std::string_view> findEnvNameFault(std::string_view name);

}  // namespace meridian::cli
