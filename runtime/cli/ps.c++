#include <chrono>
#include <nlohmann/json.hpp>

#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

int64_t nowNs() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string address(schema::ContainerStatus::Reader status) {
  auto key = status.getContainer();
  return std::string(key.getClassName()) + "/" + std::string(key.getId());
}

std::string orDash(capnp::Text::Reader text) { return text.size() == 0 ? "-" : text.cStr(); }

std::string upText(schema::ContainerStatus::Reader status, int64_t now) {
  return status.getStartedAtNs() == 0 ? "-" : ageText(now - status.getStartedAtNs());
}

std::string readyText(schema::ContainerStatus::Reader status) {
  return status.getReadyMs() > 0 ? msText(status.getReadyMs()) : "-";
}

std::string pageText(schema::ContainerStatus::Reader status) {
  auto exit = status.getLastExit();
  std::string text = address(status) + "\n";
  auto line = [&text](const std::string& name, const std::string& value) {
    text.append("  ").append(name).append(12 - name.size(), ' ').append(value).append("\n");
  };
  line("state", std::string(toWord(status.getState())));
  line("generation", std::to_string(status.getGeneration()));
  line("machine", orDash(status.getMachine()));
  line("location", orDash(status.getLocation()));
  line("image", orDash(status.getImage()));
  line("version", status.getVersion() == 0 ? "-" : std::to_string(status.getVersion()));
  line("started", status.getStartedAtNs() == 0 ? "-" : isoTime(status.getStartedAtNs()));
  line("ready in", readyText(status));
  line("restarts", std::to_string(status.getRestarts()));
  line("last stop", toText(exit));
  if (exit.getAtNs() != 0) line("stopped at", isoTime(exit.getAtNs()));
  if (exit.getDetail().size() != 0) line("detail", exit.getDetail());
  return text;
}

}  // namespace

void ps(FleetClient& client, const PsOptions& options) {
  auto request = client.fleet().listRequest();
  request.setFilter(options.show == PsOptions::Show::ALL ? schema::Filter::ALL
                                                         : schema::Filter::LIVE);
  auto response = request.send().wait(client.waitScope());
  if (options.format == Format::JSON) {
    auto json = nlohmann::ordered_json::array();
    for (auto status : response.getContainers()) json.push_back(toJson(status));
    return print(toPage(json));
  }
  Table table({"CONTAINER", "STATE", "GEN", "MACHINE", "READY IN", "UP", "RESTARTS", "LAST STOP"});
  auto now = nowNs();
  for (auto status : response.getContainers()) {
    table.add({address(status), std::string(toWord(status.getState())),
               std::to_string(status.getGeneration()), orDash(status.getMachine()),
               readyText(status), upText(status, now), std::to_string(status.getRestarts()),
               toText(status.getLastExit())});
  }
  print(table.text());
}

void inspect(FleetClient& client, const ContainerId& id, Format format) {
  auto response = client.container(id).stateRequest().send().wait(client.waitScope());
  auto status = response.getStatus();
  print(format == Format::JSON ? toPage(toJson(status)) : pageText(status));
}

}  // namespace meridian::cli
