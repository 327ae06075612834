#include <nlohmann/json.hpp>

#include "runtime/cli/failure.h"
#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

// "start-failed: the command /bin/x does not exist (exec-failed)"
std::string failureText(schema::StartFailure::Reader failure) {
  std::string text = std::string(failure.getCode()) + ": " + std::string(failure.getMessage());
  if (failure.getExit().getReason() != schema::StopReason::NONE) {
    text += " (" + toText(failure.getExit()) + ")";
  }
  return text;
}

std::string startedText(const ContainerId& id, schema::ContainerStatus::Reader status) {
  return toText(id) + " " + std::string(toWord(status.getState())) + ": generation " +
         std::to_string(status.getGeneration()) + " on " + std::string(status.getMachine()) +
         ", ready in " + msText(status.getReadyMs()) + "\n";
}

}  // namespace

void start(FleetClient& client, const ContainerId& id, const Env& env, Format format) {
  auto request = client.container(id).startRequest();
  auto list = request.initEnv(env.size());
  for (size_t i = 0; i < env.size(); ++i) {
    list[i].setName(env[i].first);
    list[i].setValue(env[i].second);
  }
  auto response = request.send().wait(client.waitScope());
  auto outcome = response.getOutcome();
  switch (outcome.which()) {
    case schema::StartOutcome::FAILED:
      throw Failure(toText(id) + " did not start: " + failureText(outcome.getFailed()));
    case schema::StartOutcome::READY:
      auto status = outcome.getReady();
      print(format == Format::JSON ? toPage(toJson(status)) : startedText(id, status));
  }
}

void stop(FleetClient& client, const ContainerId& id, int signal, Format format) {
  auto request = client.container(id).stopRequest();
  request.setSignal(signal);
  auto response = request.send().wait(client.waitScope());
  auto status = response.getStatus();
  print(format == Format::JSON
            ? toPage(toJson(status))
            : toText(id) + " " + std::string(toWord(status.getState())) + ": " +
                  toText(status.getLastExit()) + "\n");
}

void destroy(FleetClient& client, const ContainerId& id) {
  client.container(id).destroyRequest().send().wait(client.waitScope());
  print(toText(id) + " destroyed\n");
}

}  // namespace meridian::cli
