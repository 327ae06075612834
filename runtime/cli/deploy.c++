#include <nlohmann/json.hpp>

#include "runtime/cli/config-codec.h"
#include "runtime/cli/config.h"
#include "runtime/cli/failure.h"
#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

using nlohmann::ordered_json;

std::string counted(size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string deployText(const ApplicationConfig& config, uint32_t version,
                       const std::string& httpAddress) {
  std::string text = "deployed " + config.name + " version " + std::to_string(version) + ": " +
                     counted(config.classes.size(), "class", "classes") + ", " +
                     counted(config.routes.size(), "route", "routes") + "\n";
  for (const auto& route : config.routes) {
    text += "  http://" + httpAddress + route.path + "  ->  " + route.className.value() + "\n";
  }
  return text;
}

ordered_json deployJson(const ApplicationConfig& config, uint32_t version) {
  auto classes = ordered_json::array();
  for (const auto& config : config.classes) classes.push_back(config.className.value());
  auto routes = ordered_json::array();
  for (const auto& route : config.routes) {
    routes.push_back({{"path", route.path}, {"class", route.className.value()}});
  }
  return {{"name", config.name}, {"version", version}, {"classes", classes}, {"routes", routes}};
}

ordered_json applicationJson(schema::ApplicationStatus::Reader status) {
  auto classes = ordered_json::array();
  for (auto spec : status.getConfig().getClasses()) classes.push_back(spec.getClassName().cStr());
  auto routes = ordered_json::array();
  for (auto route : status.getConfig().getRoutes()) {
    routes.push_back({{"path", route.getPath().cStr()}, {"class", route.getClassName().cStr()}});
  }
  return {{"name", status.getName().cStr()},
          {"version", status.getVersion()},
          {"deployed_at", isoTime(status.getDeployedAtNs())},
          {"classes", classes},
          {"routes", routes}};
}

std::string classNames(schema::ApplicationStatus::Reader status) {
  std::string names;
  for (auto spec : status.getConfig().getClasses()) {
    names.append(names.empty() ? "" : ", ").append(spec.getClassName().cStr());
  }
  return names.empty() ? "-" : names;
}

std::string routePaths(schema::ApplicationStatus::Reader status) {
  std::string paths;
  for (auto route : status.getConfig().getRoutes()) {
    paths.append(paths.empty() ? "" : ", ").append(route.getPath().cStr());
  }
  return paths.empty() ? "-" : paths;
}

}  // namespace

void deploy(FleetClient& client, const DeployOptions& options) {
  auto config = loadConfig(options.configFile);
  auto platform = client.fleet().infoRequest().send().wait(client.waitScope());
  auto info = platform.getInfo();

  auto request = client.fleet().deployRequest();
  write(config, info.getMode() == "dev" ? STOP_GRACE_DEV : STOP_GRACE_UP, request.initConfig());
  request.setReplace(options.running == DeployOptions::Running::REPLACE ? schema::Replace::NOW
                                                                        : schema::Replace::LATER);
  request.setForce(options.force == DeployOptions::Force::YES ? schema::Force::YES
                                                              : schema::Force::NO);
  auto response = request.send().wait(client.waitScope());
  auto outcome = response.getOutcome();
  switch (outcome.which()) {
    case schema::DeployOutcome::REFUSED:
      throw Failure("deploy refused: " + std::string(outcome.getRefused()));
    case schema::DeployOutcome::VERSION:
      print(options.format == Format::JSON
                ? toPage(deployJson(config, outcome.getVersion()))
                : deployText(config, outcome.getVersion(), info.getHttpAddress()));
  }
}

void listApplications(FleetClient& client, Format format) {
  auto response = client.fleet().applicationsRequest().send().wait(client.waitScope());
  auto json = ordered_json::array();
  Table table({"APPLICATION", "VERSION", "DEPLOYED", "CLASSES", "ROUTES"});
  for (auto status : response.getApplications()) {
    json.push_back(applicationJson(status));
    table.add({status.getName(), std::to_string(status.getVersion()),
               isoTime(status.getDeployedAtNs()), classNames(status), routePaths(status)});
  }
  print(format == Format::JSON ? toPage(json) : table.text());
}

}  // namespace meridian::cli
