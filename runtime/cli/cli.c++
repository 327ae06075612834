#include "runtime/cli/cli.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <functional>
#include <kj/exception.h>
#include <unistd.h>

#include "runtime/cli/arguments.h"
#include "runtime/cli/config-value.h"
#include "runtime/cli/failure.h"
#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"
#include "runtime/cli/state-folder.h"
#include "runtime/cli/verbs.h"

namespace meridian::cli {

namespace {

Format formatOf(bool json) { return json ? Format::JSON : Format::TEXT; }

void report(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  writeAll(STDERR_FILENO, "meridian: " + text + "\n");
}

// One run of the program. The options of all verbs are its fields; the verb that was named leaves its action in `run_`.
class CommandLine {
 public:
  explicit CommandLine(Platform& platform): platform_(platform) {
    app_.set_version_flag("--version", "meridian " MERIDIAN_VERSION);
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.add_option("--state", state_,
                    "State folder of the platform. Default: .meridian for dev, /var/lib/meridian "
                    "for up and down; other verbs: the first of the two where one runs")
        ->envname("MERIDIAN_STATE")->type_name("DIR");
    app_.get_formatter()->label("SUBCOMMAND", "VERB");
    app_.get_formatter()->label("Subcommands", "Verbs");
    app_.require_subcommand(0, 1);  // findFault() says it better
    app_.fallthrough();
    addPlatformVerbs();
    addApplicationVerbs();
    addContainerVerbs();
    addStreamVerbs();
    addExec();
    addSim();
    app_.allow_extras();  // of the verbs, which hand theirs up
  }

  // Answers the status of the process. `--` and what follows it is the command of `exec`, whatever it looks like.
  int run(std::vector<std::string> arguments) {
    auto mark = std::find(arguments.begin(), arguments.end(), "--");
    if (mark != arguments.end()) {
      command_.emplace(mark + 1, arguments.end());
      arguments.erase(mark, arguments.end());
    }
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      return explain(error);
    }
    if (auto fault = findFault()) {
      report(*fault + " (see `meridian" + verb() + " --help`)");
      return STATUS_USAGE;
    }
    return run_();
  }

  // Of a run that threw std::runtime_error or kj::Exception.
  int failureStatus() const {
    return app_.got_subcommand("exec") ? STATUS_EXEC_FAILED : STATUS_FAILED;
  }

 private:
  CLI::App* addVerb(const std::string& name, const std::string& description,
                    std::function<int()> run) {
    auto* verb = app_.add_subcommand(name, description);
    verb->callback([this, run = std::move(run)]() { run_ = run; });
    return verb;
  }

  // A verb that asks the running platform.
  CLI::App* addClientVerb(const std::string& name, const std::string& description,
                          std::function<void(FleetClient&)> run) {
    return addVerb(name, description, [this, run = std::move(run)]() {
      FleetClient client(candidateFolders(givenFolder()));
      run(client);
      return 0;
    });
  }

  void addJson(CLI::App* verb) { verb->add_flag("--json", json_, "Print JSON"); }

  void addContainer(CLI::App* verb) {
    verb->add_option("CLASS/ID", container_, "The container")->required()->type_name("");
  }

  void addConfig(CLI::App* verb) {
    verb->add_option("--config", configFile_, "The application's configuration")
        ->type_name("FILE")->capture_default_str();
  }

  void addCapacity(CLI::App* verb) {
    verb->add_option("--capacity", capacity_,
                     "What instances may take together, as vcpu=N,memory_mib=N,disk_mb=N; default: "
                     "what the kernel reports")->type_name("LIST");
  }

  void addPlatformVerbs();
  void addApplicationVerbs();
  void addContainerVerbs();
  void addStreamVerbs();
  void addExec();
  void addSim();

  // " ps", or nothing.
  std::string verb() const;
  std::optional<std::string> findFault() const;
  int explain(const CLI::ParseError& error);

  std::optional<std::string> givenFolder() const {
    if (!state_) return std::nullopt;
    if (state_->empty()) throw Failure("bad --state \"\"; allowed: a folder");
    return state_;
  }

  std::filesystem::path folderOr(std::string_view folder) const {
    return std::filesystem::absolute(givenFolder().value_or(std::string(folder)));
  }

  Capacity capacity() const { return capacity_.empty() ? Capacity() : parseCapacity(capacity_); }
  ContainerId container() const { return parseContainer(container_); }

  Platform& platform_;
  CLI::App app_{"meridian: containers on demand, one for each ID", "meridian"};
  std::function<int()> run_;
  std::optional<std::vector<std::string>> command_;

  std::optional<std::string> state_;
  std::string configFile_{CONFIG_FILE_DEFAULT};
  std::string http_ = "127.0.0.1:8787";
  uint16_t port_ = HttpAddress().port;
  std::string capacity_;
  std::string container_;
  std::vector<std::string> env_;
  std::string signal_ = "SIGTERM";
  uint64_t after_ = 0;
  bool json_ = false;
  bool all_ = false;
  bool follow_ = false;
  bool force_ = false;
  bool replaceNow_ = false;
  bool timestamps_ = false;
};

void CommandLine::addPlatformVerbs() {
  auto* dev = addVerb("dev", "Run the platform for one application in the foreground", [this]() {
    return platform_.dev({.stateFolder = folderOr(STATE_FOLDER_DEV),
                          .application = loadConfig(configFile_),
                          .http = {.port = port_},
                          .capacity = capacity()});
  });
  addConfig(dev);
  dev->add_option("--port", port_, "Port of http://127.0.0.1; 0 picks a free one")
      ->check(CLI::Range(0, 65535))->type_name("N")->capture_default_str();
  addCapacity(dev);

  auto* up = addVerb("up", "Run the platform as a service; containers outlive it", [this]() {
    return platform_.up({.stateFolder = folderOr(STATE_FOLDER_UP),
                         .http = parseHttpAddress(http_),
                         .capacity = capacity()});
  });
  up->add_option("--http", http_, "Where to take HTTP requests; port 0 picks a free one")
      ->type_name("HOST:PORT")->capture_default_str();
  addCapacity(up);

  addVerb("down", "Stop every instance and the platform of `up`", [this]() {
    return platform_.down({.stateFolder = folderOr(STATE_FOLDER_UP)});
  });
}

void CommandLine::addApplicationVerbs() {
  auto* deployVerb = addClientVerb("deploy", "Deploy an application", [this](FleetClient& client) {
    using Options = DeployOptions;
    deploy(client, {.configFile = configFile_,
                    .running = replaceNow_ ? Options::Running::REPLACE : Options::Running::KEEP,
                    .force = force_ ? Options::Force::YES : Options::Force::NO,
                    .format = formatOf(json_)});
  });
  addConfig(deployVerb);
  deployVerb->add_flag("--now", replaceNow_, "Replace running instances, one after another");
  deployVerb->add_flag("--force", force_, "Let a class go though IDs of it are not stopped");
  addJson(deployVerb);

  addJson(addClientVerb("info", "Show the running platform", [this](FleetClient& client) {
    info(client, formatOf(json_));
  }));

  addJson(addClientVerb("apps", "List the applications", [this](FleetClient& client) {
    listApplications(client, formatOf(json_));
  }));
}

void CommandLine::addContainerVerbs() {
  auto* psVerb = addClientVerb("ps", "List the containers that are not stopped",
                               [this](FleetClient& client) {
    ps(client, {.show = all_ ? PsOptions::Show::ALL : PsOptions::Show::LIVE,
                .format = formatOf(json_)});
  });
  psVerb->add_flag("-a,--all", all_, "The stopped ones too");
  addJson(psVerb);

  auto* inspectVerb = addClientVerb("inspect", "Show one container", [this](FleetClient& client) {
    inspect(client, container(), formatOf(json_));
  });
  addContainer(inspectVerb);
  addJson(inspectVerb);

  auto* startVerb = addClientVerb("start", "Start a container and wait until it is ready",
                                  [this](FleetClient& client) {
    Env env;
    for (const auto& text : env_) env.push_back(parseEnv(text));
    start(client, container(), env, formatOf(json_));
  });
  addContainer(startVerb);
  startVerb->add_option("-e,--env", env_, "Set in its environment, for this run only")
      ->type_name("NAME=VALUE")->take_all()->allow_extra_args(false);
  addJson(startVerb);

  auto* stopVerb = addClientVerb("stop", "Stop a container: a signal, its grace, then SIGKILL",
                                 [this](FleetClient& client) {
    stop(client, container(), parseSignal(signal_), formatOf(json_));
  });
  addContainer(stopVerb);
  stopVerb->add_option("-s,--signal", signal_, "The first signal")
      ->type_name("SIGNAL")->capture_default_str();
  addJson(stopVerb);

  addContainer(addClientVerb("destroy", "Kill a container at once and remove its stored logs",
                             [this](FleetClient& client) { destroy(client, container()); }));

  auto* whyVerb = addClientVerb("why", "Show why a container is where it is, or nowhere",
                                [this](FleetClient& client) {
    why(client, container(), formatOf(json_));
  });
  addContainer(whyVerb);
  addJson(whyVerb);
}

void CommandLine::addStreamVerbs() {
  auto* logsVerb = addClientVerb("logs", "Print what a container wrote", [this](FleetClient& client) {
    using Options = LogsOptions;
    logs(client, {.id = container(),
                  .follow = follow_ ? Follow::YES : Follow::NO,
                  .timestamps = timestamps_ ? Options::Timestamps::YES : Options::Timestamps::NO,
                  .format = formatOf(json_)});
  });
  addContainer(logsVerb);
  logsVerb->add_flag("-f,--follow", follow_, "Go on until Ctrl-C");
  logsVerb->add_flag("-t,--timestamps", timestamps_, "Time and stream before each line");
  logsVerb->add_flag("--json", json_, "Print JSON, one object a line");

  auto* eventsVerb = addClientVerb("events", "Print what happened to containers",
                                   [this](FleetClient& client) {
    events(client, {.follow = follow_ ? Follow::YES : Follow::NO,
                    .after = after_,
                    .format = formatOf(json_)});
  });
  eventsVerb->add_flag("-f,--follow", follow_, "Go on until Ctrl-C");
  eventsVerb->add_option("--after", after_, "Only events with a higher number")
      ->check(CLI::Range(uint64_t(0), UINT64_MAX))->type_name("NUMBER");
  eventsVerb->add_flag("--json", json_, "Print JSON, one object a line");
}

void CommandLine::addExec() {
  auto* verb = addVerb("exec", "Run a command in a running container: exec CLASS/ID -- CMD...", [this]() {
    auto id = container();
    if (!command_ || command_->empty()) throw Failure("no command; allowed: exec CLASS/ID -- CMD...");
    FleetClient client(candidateFolders(givenFolder()));
    return exec(client, id, *command_);
  });
  addContainer(verb);
  verb->footer("Ends with the status of the command, 128+N when signal N ended it, 125 when it could "
               "not be run.\nSIGINT and SIGTERM are passed on to it.");
}

// The composition root takes it before this command line is made; here it is listed, and told where it belongs.
void CommandLine::addSim() {
  addVerb("sim", "Run the platform's actors in simulated worlds that are made from seeds: sim --help", []() { return STATUS_USAGE; });
}

std::string CommandLine::verb() const {
  auto named = app_.get_subcommands();
  return named.empty() ? "" : " " + named[0]->get_name();
}

// What CLI11 let through.
std::optional<std::string> CommandLine::findFault() const {
  auto unknown = app_.remaining();
  if (app_.get_subcommands().empty()) {
    std::string allowed;
    for (auto* known : app_.get_subcommands(nullptr)) {
      allowed.append(allowed.empty() ? "" : ", ").append(known->get_name());
    }
    return (unknown.empty() ? "no verb" : "unknown verb \"" + unknown[0] + "\"") +
           "; allowed: " + allowed;
  }
  if (app_.got_subcommand("sim")) return "bad place of sim; allowed: before all other arguments, as in meridian sim list";
  if (!unknown.empty()) return "unexpected argument \"" + unknown[0] + "\"";
  if (command_ && !app_.got_subcommand("exec")) return "only exec takes -- and a command";
  return std::nullopt;
}

// CLI11 throws for --help and --version too.
int CommandLine::explain(const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream text;
    app_.exit(error, text, text);
    print(text.str());
    return 0;
  }
  report(std::string(error.what()) + " (see `meridian" + verb() + " --help`)");
  return STATUS_USAGE;
}

// What the platform said, without what Cap'n Proto and KJ put before it: where it was thrown, and the condition that a
// KJ_REQUIRE found broken.
std::string words(const kj::Exception& exception) {
  constexpr std::string_view REMOTE = "remote exception: ";
  constexpr std::string_view CONDITION = "expected ";
  std::string text = exception.getDescription().cStr();
  while (text.starts_with(REMOTE)) text.erase(0, REMOTE.size());   // one for each process that it came through
  auto end = text.find("; ");
  if (text.starts_with(CONDITION) && end != std::string::npos) text.erase(0, end + 2);
  return text;
}

std::string sentence(const kj::Exception& exception) {
  std::string text = words(exception);
  switch (exception.getType()) {
    case kj::Exception::Type::FAILED: return text;
    case kj::Exception::Type::OVERLOADED: return "the platform is overloaded, try again: " + text;
    case kj::Exception::Type::DISCONNECTED: return "lost the platform: " + text;
    case kj::Exception::Type::UNIMPLEMENTED: return "the running platform cannot do this: " + text;
  }
  return text;
}

}  // namespace

int runCli(int argc, const char* const* argv, Platform& platform) try {
  CommandLine line(platform);
  try {
    return line.run({argv + 1, argv + argc});
  } catch (const kj::Exception& exception) {
    report(sentence(exception));
  } catch (const std::runtime_error& error) {   // Failure, ConfigError, and what a platform could not begin with
    report(error.what());
  }
  return line.failureStatus();
} catch (const OutputClosed&) {
  return STATUS_SIGNALLED + SIGPIPE;
}

}  // namespace meridian::cli
