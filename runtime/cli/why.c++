#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

using nlohmann::ordered_json;

ordered_json toJson(schema::Decision::Reader decision) {
  auto candidates = ordered_json::array();
  for (auto candidate : decision.getCandidates()) {
    candidates.push_back(
        {{"name", candidate.getName().cStr()},
         {"feasible", candidate.getFeasible()},
         {"score", candidate.getFeasible() ? ordered_json(candidate.getScore()) : ordered_json()},
         {"reason", candidate.getReason().cStr()}});
  }
  bool refused = decision.getChosen().size() == 0;
  return {{"tier", decision.getTier().cStr()},
          {"at", isoTime(decision.getAtNs())},
          {"chosen", refused ? ordered_json() : ordered_json(decision.getChosen().cStr())},
          {"reason", decision.getReason().cStr()},
          {"candidates", candidates}};
}

std::string scoreText(schema::Candidate::Reader candidate) {
  if (!candidate.getFeasible()) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", candidate.getScore());
  return text;
}

std::string toText(schema::Decision::Reader decision) {
  bool refused = decision.getChosen().size() == 0;
  std::string text = isoTime(decision.getAtNs()) + "  " + std::string(decision.getTier()) + ": " +
                     (refused ? "nothing fits" : "chose " + std::string(decision.getChosen()));
  if (decision.getReason().size() != 0) text += ", " + std::string(decision.getReason());
  if (decision.getCandidates().size() == 0) return text + "\n";
  Table table({"  CANDIDATE", "FEASIBLE", "SCORE", "REASON"});
  for (auto candidate : decision.getCandidates()) {
    table.add({"  " + std::string(candidate.getName()), candidate.getFeasible() ? "yes" : "no",
               scoreText(candidate), candidate.getReason()});
  }
  return text + "\n" + table.text();
}

}  // namespace

void why(FleetClient& client, const ContainerId& id, Format format) {
  auto request = client.fleet().whyRequest();
  write(id, request.initKey());
  auto response = request.send().wait(client.waitScope());
  auto json = ordered_json::array();
  std::string text;
  for (auto decision : response.getDecisions()) {
    json.push_back(toJson(decision));
    text += toText(decision);
  }
  if (text.empty()) text = toText(id) + " was never placed\n";
  print(format == Format::JSON ? toPage(json) : text);
}

}  // namespace meridian::cli
