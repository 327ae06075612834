#include <nlohmann/json.hpp>

#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/verbs.h"

namespace meridian::cli {

void info(FleetClient& client, Format format) {
  auto response = client.fleet().infoRequest().send().wait(client.waitScope());
  auto info = response.getInfo();
  nlohmann::ordered_json json = {{"version", info.getVersion().cStr()},
                                 {"pid", info.getPid()},
                                 {"http", info.getHttpAddress().cStr()},
                                 {"mode", info.getMode().cStr()},
                                 {"server_commits", info.getServerCommits()},
                                 {"agent_commits", info.getAgentCommits()}};
  if (format == Format::JSON) return print(toPage(json));
  print("meridian " + std::string(info.getVersion()) + ", " + std::string(info.getMode()) + ", pid " +
        std::to_string(info.getPid()) + ", http://" + std::string(info.getHttpAddress()) + "\ncommits since its start: " +
        std::to_string(info.getServerCommits()) + " of the server's store, " + std::to_string(info.getAgentCommits()) +
        " of the agent's\n");
}

}  // namespace meridian::cli
