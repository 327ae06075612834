#include "actors/application/config-rules.h"

#include <algorithm>
#include <map>
#include <set>

namespace meridian::application {

namespace {

using Objection = std::optional<std::string>;

constexpr auto NAME_ALLOWED = "1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..";

// `what` is said of `value`, which is cut: it may be anything.
std::string problem(const std::string& field, const std::string& what, const std::string& value, const std::string& allowed) {
  constexpr size_t SHOWN_MAX_BYTES = 128;
  return field + ": " + what + " (\"" + value.substr(0, SHOWN_MAX_BYTES) + "\"); allowed: " + allowed;
}

std::string element(const char* list, size_t index, const char* field) {
  return std::string(list) + "[" + std::to_string(index) + "]." + field;
}

std::string atMost(size_t max) { return "at most " + std::to_string(max); }

Objection checkWhole(const Config& config, const std::string& application, const ConfigLimits& limits) {
  if (config.name != application) return problem("name", "another application's", config.name, application);
  if (!isName(config.name)) return problem("name", "not a name", config.name, NAME_ALLOWED);
  if (config.classes.empty()) return "classes: empty; allowed: at least one class (remove takes an application away)";
  if (config.classes.size() > limits.classesMax) {
    return problem("classes", "too many", std::to_string(config.classes.size()), atMost(limits.classesMax));
  }
  if (config.routes.size() > limits.routesMax) {
    return problem("routes", "too many", std::to_string(config.routes.size()), atMost(limits.routesMax));
  }
  if (config.words.size() > limits.wordsMax) {
    return problem("config", "too large", std::to_string(config.words.size()), atMost(limits.wordsMax) + " bytes");
  }
  return std::nullopt;
}

Objection checkClass(const ClassDeclaration& declaration, size_t index, const ConfigLimits& limits) {
  auto field = [&](const char* name) { return element("classes", index, name); };
  auto& [name, image, resources, maxInstances, defaultPort] = declaration;
  if (!isName(name.value())) {
    return problem(field("className"), "not a name", name.value(), NAME_ALLOWED);
  }
  if (image.empty()) return problem(field("image"), "missing", image, "rootfs:DIR or oci:DIR[:tag]");
  if (resources.cpu.value() == 0) return problem(field("resources.cpuMicro"), "too little", "0", "at least 1");
  if (resources.memory.value() == 0) return problem(field("resources.memoryMib"), "too little", "0", "at least 1");
  if (maxInstances == 0 || maxInstances > limits.maxInstancesMax) {
    return problem(field("maxInstances"), "out of range", std::to_string(maxInstances),
                   "1 to " + std::to_string(limits.maxInstancesMax));
  }
  return std::nullopt;
}

Objection checkClasses(const Config& config, const ConfigLimits& limits) {
  std::set<ClassName> names;
  for (size_t i = 0; i < config.classes.size(); ++i) {
    if (auto found = checkClass(config.classes[i], i, limits)) return found;
    auto& name = config.classes[i].name;
    if (!names.insert(name).second) {
      return problem(element("classes", i, "className"), "declared twice", name.value(), "each class once");
    }
  }
  return std::nullopt;
}

// Segments after `/`: literal ones, `:id` exactly once, `*` only as the last.
bool isRoutePath(std::string_view path) {
  size_t ids = 0;
  while (!path.empty()) {
    if (path.front() != '/') return false;
    auto end = std::min(path.find('/', 1), path.size());
    auto segment = path.substr(1, end - 1);
    path.remove_prefix(end);
    if (segment == ":id") {
      ++ids;
    } else if (segment == "*" ? !path.empty() : !isName(segment)) {
      return false;
    }
  }
  return ids == 1;
}

Objection checkTarget(const Route& route, size_t index, const std::map<ClassName, uint16_t>& ports) {
  auto& name = route.containerClass.value();
  auto found = ports.find(route.containerClass);
  if (found == ports.end()) {
    return problem(element("routes", index, "className"), "not declared", name, "a class of this application");
  }
  if (found->second == 0) {
    return problem(element("routes", index, "className"), "has no port to send requests to", name, "a class with defaultPort");
  }
  return std::nullopt;
}

Objection checkRoutes(const Config& config, const ConfigLimits& limits) {
  std::map<ClassName, uint16_t> ports;
  for (auto& declaration: config.classes) ports.emplace(declaration.name, declaration.defaultPort);
  std::set<std::string> paths;
  for (size_t i = 0; i < config.routes.size(); ++i) {
    auto& path = config.routes[i].path;
    if (path.size() > limits.pathMax || !isRoutePath(path)) {
      return problem(element("routes", i, "path"), "not a route", path,
                     "/ and segments, one of them :id, at the end also *, as /sandbox/:id/*; at most " +
                         std::to_string(limits.pathMax) + " bytes");
    }
    if (!paths.insert(path).second) return problem(element("routes", i, "path"), "declared twice", path, "each path once");
    if (auto found = checkTarget(config.routes[i], i, ports)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> objection(const Config& config, const std::string& application, const ConfigLimits& limits) {
  if (auto found = checkWhole(config, application, limits)) return found;
  if (auto found = checkClasses(config, limits)) return found;
  return checkRoutes(config, limits);
}

}  // namespace meridian::application
