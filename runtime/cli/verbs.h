// The one-shot verbs: each asks the running platform one thing through schema::Fleet and prints the answer. Each throws
// Failure, OutputClosed or kj::Exception, which cli.c++ turns into a line and a status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/names.h"

namespace meridian::cli {

class FleetClient;

enum class Format { TEXT, JSON };
enum class Follow { NO, YES };

using Env = std::vector<std::pair<std::string, std::string>>;

struct DeployOptions {
  std::string configFile;
  enum class Running { KEEP, REPLACE } running = Running::KEEP;
  enum class Force { NO, YES } force = Force::NO;
  Format format = Format::TEXT;
};
void deploy(FleetClient& client, const DeployOptions& options);

void listApplications(FleetClient& client, Format format);

struct PsOptions {
  enum class Show { LIVE, ALL } show = Show::LIVE;
  Format format = Format::TEXT;
};
void ps(FleetClient& client, const PsOptions& options);

void inspect(FleetClient& client, const ContainerId& id, Format format);

void start(FleetClient& client, const ContainerId& id, const Env& env, Format format);
void stop(FleetClient& client, const ContainerId& id, int signal, Format format);
void destroy(FleetClient& client, const ContainerId& id);

struct LogsOptions {
  ContainerId id;
  Follow follow = Follow::NO;
  enum class Timestamps { NO, YES } timestamps = Timestamps::NO;
  Format format = Format::TEXT;
};
void logs(FleetClient& client, const LogsOptions& options);

struct EventsOptions {
  Follow follow = Follow::NO;
  uint64_t after = 0;
  Format format = Format::TEXT;
};
void events(FleetClient& client, const EventsOptions& options);

void why(FleetClient& client, const ContainerId& id, Format format);

void info(FleetClient& client, Format format);

// Answers the status of the command: its code, or STATUS_SIGNALLED and its signal.
int exec(FleetClient& client, const ContainerId& id, const std::vector<std::string>& command);

}  // namespace meridian::cli
