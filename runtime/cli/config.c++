#include "runtime/cli/config.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "runtime/cli/config-value.h"
#include "runtime/cli/instance-type.h"
#include "runtime/cli/jsonc.h"

namespace meridian::cli {

namespace {

using namespace std::chrono_literals;

constexpr size_t CLASSES_MAX = 256;
constexpr size_t ROUTES_MAX = 1000;
constexpr size_t ROUTE_PATH_MAX_BYTES = 1024;
constexpr size_t REQUIRED_PORTS_MAX = 16;
constexpr size_t ENV_MAX = 256;
constexpr size_t ENTRYPOINT_MAX = 256;
// Entrypoint and environment travel to the shim in one packet of 64 KiB, beside the paths of the image's layers.
constexpr size_t PROCESS_TEXT_MAX_BYTES = 32 << 10;
constexpr size_t IMAGE_MAX_BYTES = 4096;

constexpr Range<uint64_t> PORTS = {1, 65535};
constexpr Range<uint64_t> MAX_INSTANCES = {1, 100'000};
// A CPU quota below a hundredth of a CPU is below the kernel's least quota.
constexpr Range<double> VCPU = {0.01, 1024};
constexpr Range<uint64_t> MEMORY_MIB = {4, 16 << 20};
constexpr Range<uint64_t> DISK_MB = {16, 16'000'000};
constexpr Range<Duration> SLEEP_AFTER = {1ms, 8760h};
constexpr Range<Duration> STOP_GRACE = {0ms, 24h};
constexpr Range<Duration> START_TIMEOUT = {1ms, 24h};

constexpr std::string_view CLASSES_ALLOWED = "an array of at least one container class";
constexpr std::string_view NAME_ALLOWED = "1 to 128 of [A-Za-z0-9._~-]";
constexpr std::string_view IMAGE_ALLOWED = "rootfs:DIR or oci:DIR[:tag]";
constexpr std::string_view USER_ALLOWED = "a name, a uid, or uid:gid";
constexpr std::string_view ENV_ALLOWED = "an object of names and strings";
constexpr std::string_view ENTRYPOINT_ALLOWED = "an array of strings, the program first";
constexpr std::string_view ROUTE_ALLOWED =
    "/ and segments of [A-Za-z0-9._~-], one of them :id, at the end also *, as /sandbox/:id/*";

constexpr std::string_view LETTERS_AND_DIGITS =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool consistsOf(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

std::string readName(const ConfigValue& value) {
  std::string name = value.text(NAME_ALLOWED);
  if (!isName(name)) value.refuse("not a valid name", NAME_ALLOWED);
  return name;
}

bool isTag(std::string_view text) {
  constexpr size_t TAG_MAX_BYTES = 128;  // OCI's own limit
  return !text.empty() && text.size() <= TAG_MAX_BYTES && text[0] != '.' && text[0] != '-' &&
         consistsOf(text, std::string(LETTERS_AND_DIGITS) + "._-");
}

std::string readImage(const ConfigValue& value, const std::filesystem::path& folder) {
  std::string image = value.text(IMAGE_ALLOWED);
  if (image.size() > IMAGE_MAX_BYTES) value.refuse("too long", IMAGE_ALLOWED);
  auto colon = image.find(':');
  std::string kind = image.substr(0, colon);
  if (colon == std::string::npos || (kind != "rootfs" && kind != "oci")) {
    value.refuse("not an image", IMAGE_ALLOWED);
  }
  std::string path = image.substr(colon + 1);
  std::string tag;
  auto last = path.rfind(':');
  if (kind == "oci" && last != std::string::npos && path.find('/', last) == std::string::npos) {
    tag = path.substr(last);
    path.resize(last);
    if (!isTag(tag.substr(1))) value.refuse("not a valid tag", IMAGE_ALLOWED);
  }
  if (path.empty()) value.refuse("names no folder", IMAGE_ALLOWED);
  return kind + ":" + (folder / path).lexically_normal().string() + tag;
}

Resources readInstanceType(const ConfigValue& value) {
  constexpr std::string_view OWN_SIZE = "{ vcpu, memory_mib, disk_mb }";
  if (value.isText()) {
    std::string allowed = instanceTypeNames() + ", or " + std::string(OWN_SIZE);
    auto resources = findInstanceType(value.text(allowed));
    if (!resources) value.refuse("unknown instance type", allowed);
    return *resources;
  }
  auto fields = value.fields({"vcpu", "memory_mib", "disk_mb"});
  double vcpu = fields.get("vcpu", OWN_SIZE).number(VCPU);
  return {MicroCpu(std::llround(vcpu * 1e6)),
          MemoryMib(fields.get("memory_mib", OWN_SIZE).integer(MEMORY_MIB, "MiB")),
          DiskMb(fields.get("disk_mb", OWN_SIZE).integer(DISK_MB, "MB"))};
}

std::vector<uint16_t> readPorts(const ConfigValue& value) {
  std::vector<uint16_t> ports;
  for (const auto& element : value.elements("an array of ports", REQUIRED_PORTS_MAX)) {
    uint16_t port = element.integer(PORTS);
    if (std::find(ports.begin(), ports.end(), port) != ports.end()) {
      element.refuse("duplicate port", "each port once");
    }
    ports.push_back(port);
  }
  return ports;
}

std::vector<std::string> readEntrypoint(const ConfigValue& value) {
  std::vector<std::string> entrypoint;
  for (const auto& element : value.elements(ENTRYPOINT_ALLOWED, ENTRYPOINT_MAX)) {
    entrypoint.push_back(element.text("a string"));
  }
  if (entrypoint.empty() || entrypoint[0].empty()) {
    value.refuse("names no program", ENTRYPOINT_ALLOWED);
  }
  return entrypoint;
}

std::vector<std::pair<std::string, std::string>> readEnv(const ConfigValue& value) {
  std::vector<std::pair<std::string, std::string>> env;
  for (const auto& [name, member] : value.members(ENV_ALLOWED, ENV_MAX)) {
    if (auto fault = findEnvNameFault(name)) member.refuse(*fault, "other names");
    env.emplace_back(name, member.text("a string"));
  }
  return env;
}

// A number that fits the kernel's ids; the largest means "no id" to it.
bool isUnixId(std::string_view text) {
  return !text.empty() && text.size() <= 10 && consistsOf(text, "0123456789") &&
         std::stoull(std::string(text)) < UINT32_MAX;
}

bool isUserName(std::string_view text) {
  constexpr size_t USER_NAME_MAX_BYTES = 32;
  return !text.empty() && text.size() <= USER_NAME_MAX_BYTES && text[0] != '-' &&
         !consistsOf(text, "0123456789") && consistsOf(text, std::string(LETTERS_AND_DIGITS) + "._-");
}

std::string readUser(const ConfigValue& value) {
  std::string user = value.text(USER_ALLOWED);
  auto colon = user.find(':');
  bool valid = colon == std::string::npos
                   ? isUnixId(user) || isUserName(user)
                   : isUnixId(user.substr(0, colon)) && isUnixId(user.substr(colon + 1));
  if (!valid) value.refuse("not a user", USER_ALLOWED);
  return user;
}

RestartPolicy readRestart(const ConfigValue& value) {
  constexpr std::string_view ALLOWED = "never, on-failure, always";
  std::string text = value.text(ALLOWED);
  if (text == "never") return RestartPolicy::NEVER;
  if (text == "on-failure") return RestartPolicy::ON_FAILURE;
  if (text == "always") return RestartPolicy::ALWAYS;
  value.refuse("unknown restart policy", ALLOWED);
}

void checkProcessText(const ClassConfig& config, const ConfigValue& value) {
  size_t bytes = 0;
  for (const auto& argument : config.entrypoint) bytes += argument.size();
  for (const auto& [name, text] : config.env) bytes += name.size() + text.size();
  if (bytes > PROCESS_TEXT_MAX_BYTES) {
    value.refuse("entrypoint and env are too long together",
                 std::to_string(PROCESS_TEXT_MAX_BYTES) + " bytes");
  }
}

ClassName readClassName(const ConfigValue& value, const std::vector<ClassConfig>& before) {
  ClassName name(readName(value));
  for (const auto& config : before) {
    if (config.className == name) value.refuse("duplicate class", "each class once");
  }
  return name;
}

ClassConfig readClass(const ConfigValue& value, const std::filesystem::path& folder,
                      const std::vector<ClassConfig>& before) {
  auto fields = value.fields({"class_name", "image", "instance_type", "max_instances",
                              "default_port", "required_ports", "sleep_after", "entrypoint", "env",
                              "user", "restart", "stop_grace", "start_timeout"});
  ClassConfig config;
  config.className = readClassName(fields.get("class_name", NAME_ALLOWED), before);
  config.image = readImage(fields.get("image", IMAGE_ALLOWED), folder);
  config.resources = *findInstanceType(INSTANCE_TYPE_DEFAULT);
  if (auto v = fields.find("instance_type")) config.resources = readInstanceType(*v);
  if (auto v = fields.find("max_instances")) config.maxInstances = v->integer(MAX_INSTANCES);
  if (auto v = fields.find("default_port")) config.defaultPort = v->integer(PORTS);
  if (auto v = fields.find("required_ports")) config.requiredPorts = readPorts(*v);
  if (auto v = fields.find("sleep_after")) config.sleepAfter = v->duration(SLEEP_AFTER);
  if (auto v = fields.find("entrypoint")) config.entrypoint = readEntrypoint(*v);
  if (auto v = fields.find("env")) config.env = readEnv(*v);
  if (auto v = fields.find("user")) config.user = readUser(*v);
  if (auto v = fields.find("restart")) config.restart = readRestart(*v);
  if (auto v = fields.find("stop_grace")) config.stopGrace = v->duration(STOP_GRACE);
  if (auto v = fields.find("start_timeout")) config.startTimeout = v->duration(START_TIMEOUT);
  checkProcessText(config, value);
  return config;
}

// Each segment is `:id` (once), literal, or `*` at the end.
bool isRoutePath(std::string_view path) {
  if (path.size() > ROUTE_PATH_MAX_BYTES) return false;
  int ids = 0;
  while (!path.empty()) {
    if (path[0] != '/') return false;
    auto end = std::min(path.find('/', 1), path.size());
    auto segment = path.substr(1, end - 1);
    path.remove_prefix(end);
    if (segment == ":id") {
      ++ids;
    } else if (segment == "*") {
      if (!path.empty()) return false;
    } else if (!isName(segment)) {
      return false;
    }
  }
  return ids == 1;
}

ClassName readRouteTarget(const ConfigValue& value, const std::vector<ClassConfig>& classes) {
  std::string names;
  for (const auto& config : classes) {
    names.append(names.empty() ? "" : ", ").append(config.className.value());
  }
  ClassName name(value.text(names));
  for (const auto& config : classes) {
    if (config.className != name) continue;
    if (config.defaultPort) return name;
    value.refuse("the class has no default_port to send requests to",
                 "a class with default_port");
  }
  value.refuse("unknown class", names);
}

RouteConfig readRoute(const ConfigValue& value, const std::vector<ClassConfig>& classes,
                      const std::vector<RouteConfig>& before) {
  auto fields = value.fields({"path", "class"});
  auto path = fields.get("path", ROUTE_ALLOWED);
  std::string pathText = path.text(ROUTE_ALLOWED);
  if (!isRoutePath(pathText)) path.refuse("not a route", ROUTE_ALLOWED);
  for (const auto& route : before) {
    if (route.path == pathText) path.refuse("duplicate route", "each path once");
  }
  return {pathText, readRouteTarget(fields.get("class", "the name of a class"), classes)};
}

// Of a file that may be anything, a device too, never more than the parser takes.
std::string readText(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(JSON_TEXT_MAX_BYTES + 1, '\0');
  stream.read(text.data(), text.size());
  if (stream.bad() || (stream.fail() && !stream.eof())) {
    throw ConfigError(file.string() + ": cannot be read (" + std::strerror(errno) +
                      "); allowed: a configuration file, by --config FILE or as " +
                      std::string(CONFIG_FILE_DEFAULT) + " in this folder");
  }
  text.resize(stream.gcount());
  return text;
}

}  // namespace

ApplicationConfig loadConfig(const std::filesystem::path& file) {
  return parseConfig(readText(file), file.string(),
                     std::filesystem::absolute(file).parent_path());
}

ApplicationConfig parseConfig(std::string_view text, const std::string& file,
                              const std::filesystem::path& folder) try {
  JsonNode tree = parseJsonc(text);
  auto fields = ConfigValue(file, "", tree).fields({"name", "containers", "routes"});
  ApplicationConfig config;
  config.name = readName(fields.get("name", NAME_ALLOWED));
  auto containers = fields.get("containers", CLASSES_ALLOWED);
  for (const auto& element : containers.elements(CLASSES_ALLOWED, CLASSES_MAX)) {
    config.classes.push_back(readClass(element, folder, config.classes));
  }
  if (config.classes.empty()) containers.refuse("declares nothing", CLASSES_ALLOWED);
  if (auto routes = fields.find("routes")) {
    for (const auto& element : routes->elements("an array of routes", ROUTES_MAX)) {
      config.routes.push_back(readRoute(element, config.classes, config.routes));
    }
  }
  return config;
} catch (const JsonError& error) {
  throw ConfigError(file + ":" + std::to_string(error.line) + ": " + error.what());
}

std::optional<std::string_view> findEnvNameFault(std::string_view name) {
  constexpr std::string_view SET_BY_PLATFORM[] = {"MERIDIAN_ID", "MERIDIAN_CLASS",
                                                  "MERIDIAN_GENERATION", "MERIDIAN_LOCATION"};
  if (name.empty()) return "empty name";
  if (name.find('=') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return "a name with = or NUL";
  }
  for (auto own : SET_BY_PLATFORM) {
    if (name == own) return "set by the platform";
  }
  return std::nullopt;
}

}  // namespace meridian::cli
