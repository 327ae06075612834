#include "sim/command/print.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "sim/command/again.h"

namespace meridian::sim {

namespace {

using nlohmann::ordered_json;

constexpr double SECONDS_OF_HOUR = 3600;

template <typename... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[128];
  snprintf(text, sizeof text, pattern, arguments...);
  return text;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string hex(uint64_t hash) { return format("%016llx", static_cast<unsigned long long>(hash)); }

// "12,345"
std::string grouped(uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), 1, ',');
  return text;
}

std::string countsText(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (auto& [name, count]: counts) text += (text.empty() ? "" : ", ") + grouped(count) + " " + name;
  return text;
}

// Of simulated time.
std::string spanText(double seconds) {
  constexpr double MINUTE = 60;
  if (seconds < 10 * MINUTE) return format("%.4g s", seconds);
  if (seconds < 10 * SECONDS_OF_HOUR) return format("%.1f min", seconds / MINUTE);
  return grouped(static_cast<uint64_t>(seconds / SECONDS_OF_HOUR)) + " h";
}

// A line, or nothing where there is nothing to list.
std::string listText(const std::string& name, const std::vector<std::string_view>& words) {
  if (words.empty()) return "";
  std::string text = "  " + name + ":";
  for (auto word: words) text.append(" ").append(word);
  return text + "\n";
}

double perWallSecond(double amount, Duration wall) { return wall > Duration::zero() ? amount / seconds(wall) : 0; }

std::string findingText(const Result& result) {
  return std::string(toWord(result.end)) + ": " + result.checker + ": " + result.what;
}

// What the world said, unless that has been printed; its finding, and how to see it again.
std::string failureText(const Terms& terms, uint64_t seed, const Result& result, const std::string& again) {
  std::string text;
  if (terms.options.print == Transcript::Print::NO) {
    for (auto& line: result.tail) text += line + "\n";
  }
  return text + "seed " + std::to_string(seed) + ": " + findingText(result) + "\n  again: " + again + "\n";
}

ordered_json toJson(const Result& result) {
  return {{"kind", toWord(result.end)}, {"checker", result.checker}, {"what", result.what}};
}

std::string swarmText(const Program& program, const SwarmOptions& options, const SwarmReport& report) {
  std::string text;
  for (auto& failure: report.failures) {
    text += "seed " + std::to_string(failure.seed) + ": " + findingText(failure.result) + "\n  again: " +
            runAgain(program, options.terms, failure.seed) + "\n";
  }
  auto failed = report.failures.size();
  text += std::string(options.terms.scenario->name) + ": " + grouped(report.seeds) + (report.seeds == 1 ? " seed, " : " seeds, ") +
          (failed == 0 ? "all fine" : grouped(failed) + " failed") + "; " + spanText(report.simulated) + " simulated in " +
          format("%.1f s, %.0f times real time, ", seconds(report.wall), perWallSecond(report.simulated, report.wall)) +
          grouped(static_cast<uint64_t>(perWallSecond(static_cast<double>(report.events), report.wall))) + " events a second\n";
  if (!report.counts.empty()) text += "  " + countsText(report.counts) + "\n";
  text += "  transcripts " + hex(report.hash) + "\n";
  if (report.seeds < options.seeds.size()) {
    text += "  ended " + (failed == options.failuresMax ? "after " + std::to_string(failed) + " failures (--max-failures)" : "by a signal") +
            "; " + grouped(options.seeds.size() - report.seeds) + " seeds were not run\n";
  }
  return text;
}

ordered_json swarmJson(const Program& program, const SwarmOptions& options, const SwarmReport& report, const std::string& randomness) {
  auto failures = ordered_json::array();
  for (auto& failure: report.failures) {
    ordered_json entry = {{"seed", failure.seed}};
    entry.update(toJson(failure.result));
    entry["replay"] = runAgain(program, options.terms, failure.seed);
    failures.push_back(std::move(entry));
  }
  return {{"scenario", options.terms.scenario->name},
          {"first_seed", options.seeds.first},
          {"last_seed", options.seeds.last},
          {"seeds", report.seeds},
          {"failed", report.failures.size()},
          {"complete", report.seeds == options.seeds.size()},
          {"simulated_hours", report.simulated / SECONDS_OF_HOUR},
          {"events", report.events},
          {"wall_seconds", seconds(report.wall)},
          {"speedup", perWallSecond(report.simulated, report.wall)},
          {"events_per_second", perWallSecond(static_cast<double>(report.events), report.wall)},
          {"jobs", options.jobs},
          {"transcript_hash", hex(report.hash)},
          {"addresses", randomness.empty() ? "fixed" : "random"},
          {"counts", report.counts},
          {"failures", failures}};
}

}  // namespace

void printRun(Format format, const Terms& terms, uint64_t seed, const Result& result, const std::string& again) {
  if (format == Format::JSON) {
    ordered_json fields = {{"scenario", terms.scenario->name}, {"seed", seed}};
    fields.update(toJson(result));
    fields["simulated_seconds"] = seconds(result.simulated);
    fields["storm_seconds"] = seconds(result.storm);
    fields["events"] = result.events;
    fields["transcript_hash"] = hex(result.hash);
    fields["without"] = terms.options.without;
    fields["counts"] = result.counts;
    fields["tail"] = result.tail;
    fields["replay"] = again;
    return cli::print(cli::toPage(fields));
  }
  if (result.end != End::FINE) return cli::print(failureText(terms, seed, result, again));
  bool stopped = terms.options.until && result.simulated >= *terms.options.until;
  cli::print("seed " + std::to_string(seed) + " of " + std::string(terms.scenario->name) + ": fine" + (stopped ? " so far" : "") + "; " +
             spanText(seconds(result.simulated)) + " simulated, a storm of " + spanText(seconds(result.storm)) + " drawn, " +
             grouped(result.events) + " events\n" + (result.counts.empty() ? "" : "  " + countsText(result.counts) + "\n") +
             "  transcript " + hex(result.hash) + "\n");
}

void printSwarm(Format format, const Program& program, const SwarmOptions& options, const SwarmReport& report,
                const std::string& randomness) {
  cli::print(format == Format::JSON ? cli::toPage(swarmJson(program, options, report, randomness))
                                    : swarmText(program, options, report));
}

void printShrunk(Format format, const Program& program, const Terms& terms, uint64_t seed, const std::optional<Shrunk>& shrunk) {
  if (!shrunk) {
    if (format == Format::JSON) return cli::print(cli::toPage({{"scenario", terms.scenario->name}, {"seed", seed}, {"kind", "fine"}}));
    return cli::print("seed " + std::to_string(seed) + " of " + std::string(terms.scenario->name) + ": fine; there is nothing to shrink\n");
  }
  auto again = runAgain(program, shrunk->terms, seed);
  if (format == Format::JSON) {
    ordered_json fields = {{"scenario", terms.scenario->name}, {"seed", seed}};
    fields.update(toJson(shrunk->result));
    fields["faults"] = shrunk->kept;
    fields["storm_seconds"] = seconds(shrunk->result.storm);
    fields["simulated_seconds"] = seconds(shrunk->result.simulated);
    fields["storm_seconds_before"] = seconds(shrunk->original.storm);
    fields["simulated_seconds_before"] = seconds(shrunk->original.simulated);
    fields["runs"] = shrunk->runs;
    fields["replay"] = again;
    return cli::print(cli::toPage(fields));
  }
  std::string faults;
  for (auto fault: shrunk->kept) faults += (faults.empty() ? "" : ", ") + std::string(fault);
  cli::print(failureText(shrunk->terms, seed, shrunk->result, again) + "  smallest of " + grouped(shrunk->runs) + " worlds: " +
             (faults.empty() ? "no fault" : faults) + "; a storm of " + spanText(seconds(shrunk->result.storm)) + " instead of " +
             spanText(seconds(shrunk->original.storm)) + "; it fails after " + spanText(seconds(shrunk->result.simulated)) +
             " instead of " + spanText(seconds(shrunk->original.simulated)) + "\n");
}

void printScenarios(Format format) {
  auto all = ordered_json::array();
  std::string text;
  for (auto& scenario: scenarios()) {
    all.push_back({{"scenario", scenario.name}, {"about", scenario.about}, {"faults", scenario.faults}, {"sizes", scenario.sizes}});
    text += std::string(scenario.name) + ": " + std::string(scenario.about) + "\n" + listText("faults", scenario.faults) +
            listText("sizes", scenario.sizes);
  }
  cli::print(format == Format::JSON ? cli::toPage(all) : text);
}

}  // namespace meridian::sim
