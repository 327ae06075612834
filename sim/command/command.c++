#include "sim/command/command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <functional>
#include <sstream>
#include <system_error>

#include "runtime/cli/failure.h"
#include "runtime/cli/output.h"
#include "sim/command/again.h"
#include "sim/command/arguments.h"
#include "sim/command/explore.h"
#include "sim/command/print.h"
#include "sim/command/progress.h"
#include "sim/command/shrink.h"
#include "sim/command/status.h"

namespace meridian::sim {

namespace {

constexpr uint32_t FAILURES_MAX = 100'000;
constexpr uint32_t SECONDS_MAX = 10'000'000;
constexpr uint32_t MEMORY_MAX = 1 << 20;     // MiB
constexpr const char* STATUSES =
    "Ends with 0 when all is fine, else as the first seed that failed: 1 something was wrong, 2 something was stuck, 3 it crashed. 64 is "
    "for arguments that are not understood, 71 for a system that gives no processes.";

void report(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  cli::writeAll(STDERR_FILENO, "meridian: " + text + "\n");
}

// The options of all commands are its fields; the command that was named leaves its action in `run_`.
class SimLine {
 public:
  explicit SimLine(const Program& program): program_(program) {
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app_.get_formatter()->label("Subcommands", "Commands");
    app_.footer("The transcript of a seed is the same, byte for byte, as long as the program is.");
    app_.require_subcommand(0, 1);     // findFault() says it better
    app_.allow_extras();
    addSwarm();
    addRun();
    addReplay();
    addShrink();
    addExplore();
    addList();
  }

  int run(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());   // as CLI11 wants them
    try {
      app_.parse(std::move(arguments));
      if (auto fault = findFault()) throw cli::Failure(*fault);
      return run_();
    } catch (const CLI::ParseError& error) {
      return explain(error);
    } catch (const cli::Failure& failure) {
      report(failure.what() + hint());
      return STATUS_USAGE;
    }
  }

 private:
  CLI::App* addCommand(const std::string& name, const std::string& about, std::function<int()> run) {
    auto* command = app_.add_subcommand(name, about);
    command->callback([this, run = std::move(run)]() { run_ = run; });
    return command;
  }

  void addJson(CLI::App* command) { command->add_flag("--json", json_, "Print JSON"); }

  void addJobs(CLI::App* command) {
    command->add_option("--jobs", jobs_, "So many worlds at once, each in a process of its own; what is found does not depend on it. "
                                         "Default: the number of processors")->type_name("N");
  }

  void addTerms(CLI::App* command) {
    command->add_option("SCENARIO", scenario_, "One of `" + word() + " list`")->required()->type_name("");
    command->add_option("--storm", storm_, "End the storm after this time at the latest")->type_name("DURATION");
    command->add_option("--without", without_, "Leave out these faults; all else is drawn as ever")->type_name("FAULT,FAULT");
    command->add_option("--size", sizes_, "Make the world so large, as in machines=20; `" + word() + " list` names what has a size")
        ->type_name("NAME=N,NAME=N");
    command->add_option("--patience", patience_, "A world that runs for so long of real time is stuck")
        ->type_name("DURATION")->capture_default_str();
    command->add_option("--checker", checker_, "Only what this one finds counts")->group("");
  }

  void addSeed(CLI::App* command) { command->add_option("--seed", seed_, "Of the world")->required()->type_name("S"); }

  void addSwarm();
  void addRun();
  void addReplay();
  void addShrink();
  void addExplore();
  void addList();

  Terms terms() const {
    Terms terms{.scenario = &parseScenario(scenario_), .options = {}, .patience = parseDuration("--patience", patience_)};
    if (terms.patience < std::chrono::seconds(1)) throw cli::Failure("bad --patience \"" + patience_ + "\"; allowed: 1s or more");
    if (storm_) terms.options.storm = parseDuration("--storm", *storm_);
    if (without_) terms.options.without = parseFaults(*terms.scenario, *without_);
    if (sizes_) terms.options.sizes = parseSizes(*terms.scenario, *sizes_);
    if (checker_) terms.options.onlyChecker = parseChecker(*checker_);
    return terms;
  }

  uint32_t jobs() const {
    if (jobs_) return parseCount("--jobs", *jobs_, 1, JOBS_MAX);
    return static_cast<uint32_t>(std::clamp<long>(sysconf(_SC_NPROCESSORS_ONLN), 1, JOBS_MAX));
  }

  Format format() const { return json_ ? Format::JSON : Format::TEXT; }

  int runOne(const Terms& terms, const std::string& again);

  std::string word() const { return program_.size() > 1 ? "meridian sim" : "meridian-sim"; }
  std::string named() const {
    auto named = app_.get_subcommands();
    return named.empty() ? "" : " " + named[0]->get_name();
  }
  std::string hint() const { return " (see `" + word() + named() + " --help`)"; }

  std::optional<std::string> findFault() const;
  int explain(const CLI::ParseError& error);

  const Program& program_;
  CLI::App app_{"Run the platform's actors in simulated worlds that are made from seeds, with faults", word()};
  std::function<int()> run_;

  std::string scenario_, seed_, seeds_, until_;
  std::string patience_ = "60s";
  std::string failures_ = "20";
  std::string memory_ = "1500";
  std::optional<std::string> storm_, without_, sizes_, checker_, jobs_, world_, events_, within_;
  bool json_ = false;
  bool trace_ = false;
};

// Loudly, for nobody else would notice.
void warnOfRandomness(const Worlds& worlds) {
  if (worlds.randomness().empty()) return;
  report("warning: address randomisation cannot be switched off here (" + worlds.randomness() +
         "): a seed may have another transcript in each process");
}

volatile sig_atomic_t interrupted = 0;

// The first Ctrl-C ends a swarm in good order, the second at once.
void onInterrupt(int) {
  interrupted = 1;
  signal(SIGINT, SIG_DFL);
}

void SimLine::addSwarm() {
  auto* command = addCommand("swarm", "Run many seeds, and say which of them fail", [this]() {
    SwarmOptions options{.terms = terms(),
                         .seeds = parseSeeds(seeds_),
                         .jobs = jobs(),
                         .failuresMax = parseCount("--max-failures", failures_, 1, FAILURES_MAX)};
    signal(SIGINT, onInterrupt);
    Worlds worlds(program_);
    warnOfRandomness(worlds);
    Progress progress(options.seeds.size());
    auto found = runSwarm(worlds, options, [&](const SwarmReport& report) {
      progress.show(report);
      return interrupted ? Go::HOME : Go::ON;
    });
    progress.end();
    printSwarm(format(), program_, options, found, worlds.randomness());
    if (!found.failures.empty()) return statusOf(found.failures[0].result.end);
    return interrupted ? cli::STATUS_SIGNALLED + SIGINT : STATUS_FINE;
  });
  addTerms(command);
  command->add_option("--seeds", seeds_, "From A to B, both included")->required()->type_name("A..B");
  addJobs(command);
  command->add_option("--max-failures", failures_, "End after so many seeds that fail")->type_name("N")->capture_default_str();
  addJson(command);
  command->footer(STATUSES + std::string("\nCtrl-C ends it early, with what it has found."));
}

int SimLine::runOne(const Terms& terms, const std::string& again) {
  Worlds worlds(program_);
  warnOfRandomness(worlds);
  auto seed = parseSeed(seed_);
  auto result = worlds.run(terms, seed);
  printRun(format(), terms, seed, result, again);
  return statusOf(result.end);
}

void SimLine::addRun() {
  auto* command = addCommand("run", "Run one seed", [this]() {
    auto terms = this->terms();
    if (trace_ && json_) throw cli::Failure("bad --trace with --json; allowed: one of them");
    auto again = runAgain(program_, terms, parseSeed(seed_));
    if (trace_) terms.options.print = Transcript::Print::YES;
    return runOne(terms, again);
  });
  addTerms(command);
  addSeed(command);
  command->add_flag("--trace", trace_, "Print the transcript");
  addJson(command);
  command->footer(STATUSES);
}

void SimLine::addReplay() {
  auto* command = addCommand("replay", "Print the transcript of one seed up to a moment", [this]() {
    auto terms = this->terms();
    terms.options.until = parseDuration("--until", until_);
    terms.options.print = Transcript::Print::YES;
    return runOne(terms, runAgain(program_, terms, parseSeed(seed_)));
  });
  addTerms(command);
  addSeed(command);
  command->add_option("--until", until_, "The moment, in simulated time since the world began")->required()->type_name("T");
  command->footer(STATUSES);
}

void SimLine::addShrink() {
  auto* command = addCommand("shrink", "Find the fewest faults and the shortest storm with which a seed still fails", [this]() {
    auto terms = this->terms();
    auto seed = parseSeed(seed_);
    Worlds worlds(program_);
    warnOfRandomness(worlds);
    auto shrunk = shrink(worlds, terms, seed, jobs());
    printShrunk(format(), program_, terms, seed, shrunk);
    return shrunk ? statusOf(shrunk->result.end) : STATUS_FINE;
  });
  addTerms(command);
  addSeed(command);
  addJobs(command);
  addJson(command);
  command->footer("The smallest world fails by the same checker as the seed does. " + std::string(STATUSES));
}

void SimLine::addExplore() {
  auto* command = addCommand("explore", "Search a small world whole: every order of a bounded number of events", [this]() {
    ExploreOptions options{.worlds = parseWorlds(world_), .events = {}, .bounds = {}};
    if (events_) options.events = parseCount("--events", *events_, 0, ExploreOptions::EVENTS_MAX);
    if (within_) options.bounds.timeMax = std::chrono::seconds(parseCount("--seconds", *within_, 1, SECONDS_MAX));
    options.bounds.bytesMax = static_cast<uint64_t>(parseCount("--memory", memory_, 1, MEMORY_MAX)) << 20;
    return runExplore(format(), options);
  });
  std::string about = "One of these, else all";
  for (auto& world: explore::worlds()) {
    about += "\n" + std::string(world.name) + ": " + std::string(world.about) + ". " + std::to_string(world.events) + " events unless told";
  }
  command->add_option("WORLD", world_, about)->type_name("");
  command->add_option("--events", events_, "So many things that happen to the world: requests, exits, refusals, broken calls, crashes, "
                                           "power failures, time that passes while something is under way")->type_name("N");
  command->add_option("--seconds", within_, "End after so many, without being exhaustive")->type_name("S");
  command->add_option("--memory", memory_, "End when so much is used, in MiB, without being exhaustive")->type_name("MIB")->capture_default_str();
  addJson(command);
  command->footer("Ends with 0 when nothing was violated in any state, 1 when something was: the shortest way there is printed. 4: nothing was "
                  "found, but the search was cut short. 64 is for arguments that are not understood.");
}

void SimLine::addList() {
  addJson(addCommand("list", "List the scenarios, and the faults of their storms", [this]() {
    printScenarios(format());
    return STATUS_FINE;
  }));
}

// What CLI11 let through.
std::optional<std::string> SimLine::findFault() const {
  auto unknown = app_.remaining(true);
  if (app_.get_subcommands().empty()) {
    std::string allowed;
    for (auto* known: app_.get_subcommands(nullptr)) allowed.append(allowed.empty() ? "" : ", ").append(known->get_name());
    return (unknown.empty() ? "no command" : "unknown command \"" + unknown[0] + "\"") + "; allowed: " + allowed;
  }
  if (!unknown.empty()) return "unexpected argument \"" + unknown[0] + "\"";
  return std::nullopt;
}

// CLI11 throws for --help too.
int SimLine::explain(const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream text;
    app_.exit(error, text, text);
    cli::print(text.str());
    return STATUS_FINE;
  }
  report(error.what() + hint());
  return STATUS_USAGE;
}

}  // namespace

int runSim(const Program& program, const std::vector<std::string>& arguments) {
  if (isZygote(arguments)) return serveWorlds();
  try {
    return SimLine(program).run(arguments);
  } catch (const cli::OutputClosed&) {
    return cli::STATUS_SIGNALLED + SIGPIPE;
  } catch (const std::exception& error) {
    report(error.what());
    return STATUS_NO_WORLD;
  }
}

}  // namespace meridian::sim
