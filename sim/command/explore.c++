#include "sim/command/explore.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/cli/failure.h"
#include "runtime/cli/output.h"
#include "runtime/cli/status-json.h"
#include "sim/command/status.h"

namespace meridian::sim {

namespace {

using nlohmann::ordered_json;

struct Explored {
  const explore::World& world;
  explore::Bounds bounds;
  explore::Result result;
  double seconds = 0;
  std::vector<std::string> trace;      // to the violation

  bool isComplete() const { return !result.violation && result.cutShort.empty(); }
  double rate() const { return seconds > 0 ? static_cast<double>(result.states) / seconds : 0; }
};

Explored exploreWorld(const explore::World& world, const ExploreOptions& options) {
  auto space = world.make();
  Explored explored{world, options.bounds, {}, 0, {}};
  explored.bounds.events = options.events.value_or(world.events);
  auto begin = std::chrono::steady_clock::now();
  explored.result = explore::search(*space, explored.bounds);
  explored.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (auto& violation = explored.result.violation) explored.trace = space->describe(violation->moves);
  return explored;
}

ordered_json counts(const Explored& explored) {
  auto& result = explored.result;
  return {{"states", result.states},
          {"depth", result.depth},
          {"violations", result.violation ? 1 : 0},
          {"transitions", result.transitions},
          {"events", explored.bounds.events},
          {"complete", explored.isComplete()},
          {"seconds", explored.seconds},
          {"states_per_second", explored.rate()}};
}

std::string toText(const Explored& explored) {
  std::string text(explored.world.name);
  auto fields = counts(explored);
  for (auto& [name, value]: fields.items()) {
    text += " " + name + " ";
    if (!value.is_number_float()) {
      text += value.dump();
    } else {
      char number[32];
      snprintf(number, sizeof number, "%.1f", value.get<double>());
      text += number;
    }
  }
  text += "\n";
  auto& result = explored.result;
  if (auto& violation = result.violation) {
    for (size_t i = 0; i < explored.trace.size(); ++i) text += "  " + std::to_string(i + 1) + " " + explored.trace[i] + "\n";
    return text + "  violation: " + violation->flaw + "\n";
  }
  if (result.cutShort.empty()) return text + "  holds: " + std::string(explored.world.holds) + "\n";
  return text + "  not exhaustive: " + result.cutShort + "; no violation so far\n";
}

ordered_json toJson(const Explored& explored) {
  ordered_json fields = {{"world", explored.world.name}};
  fields.update(counts(explored));
  auto& result = explored.result;
  if (!result.cutShort.empty()) fields["not_exhaustive"] = result.cutShort;
  if (auto& violation = result.violation) {
    fields["violation"] = violation->flaw;
    fields["violation_events"] = violation->events;
    fields["trace"] = explored.trace;
  }
  return fields;
}

// Over all worlds: the sums, and the deepest.
ordered_json totalJson(const std::vector<Explored>& all) {
  uint64_t states = 0, transitions = 0, violations = 0;
  uint32_t depth = 0;
  double seconds = 0;
  bool complete = true;
  auto each = ordered_json::array();
  for (auto& explored: all) {
    states += explored.result.states;
    transitions += explored.result.transitions;
    violations += explored.result.violation ? 1 : 0;
    depth = std::max(depth, explored.result.depth);
    seconds += explored.seconds;
    complete = complete && explored.isComplete();
    each.push_back(toJson(explored));
  }
  return {{"states", states},       {"depth", depth},     {"violations", violations},
          {"transitions", transitions}, {"complete", complete}, {"seconds", seconds},
          {"states_per_second", seconds > 0 ? static_cast<double>(states) / seconds : 0}, {"worlds", each}};
}

int statusOf(const Explored& explored) {
  if (explored.result.violation) return STATUS_WRONG;
  return explored.isComplete() ? STATUS_FINE : STATUS_NOT_EXHAUSTIVE;
}

}  // namespace

int runExplore(Format format, const ExploreOptions& options) {
  std::vector<Explored> all;
  int status = STATUS_FINE;
  for (auto* world: options.worlds) {
    all.push_back(exploreWorld(*world, options));
    if (format == Format::TEXT) cli::print(toText(all.back()));
    auto one = statusOf(all.back());
    if (status == STATUS_FINE || one == STATUS_WRONG) status = one;
  }
  if (format == Format::JSON) cli::print(cli::toPage(totalJson(all)));
  return status;
}

std::vector<const explore::World*> parseWorlds(const std::optional<std::string>& text) {
  std::vector<const explore::World*> chosen;
  std::string names;
  for (auto& world: explore::worlds()) {
    names.append(names.empty() ? "" : ", ").append(world.name);
    if (!text || *text == world.name) chosen.push_back(&world);
  }
  if (chosen.empty()) throw cli::Failure("bad WORLD \"" + *text + "\"; allowed: " + names);
  return chosen;
}

}  // namespace meridian::sim
