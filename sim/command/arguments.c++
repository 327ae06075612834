#include "sim/command/arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "runtime/cli/failure.h"
#include "sim/command/wire.h"

namespace meridian::sim {

namespace {

struct Unit {
  std::string_view name;
  int64_t ns;
};

// From the largest.
constexpr Unit UNITS[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1},
};
constexpr int64_t DURATION_MAX_H = 100'000;
constexpr size_t FRACTION_MAX = 9;          // digits

[[noreturn]] void refuse(const std::string& what, const std::string& text, const std::string& allowed) {
  throw cli::Failure("bad " + what + " \"" + text + "\"; allowed: " + allowed);
}

std::optional<uint64_t> parseNumber(std::string_view text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Names>
std::string joined(const Names& names, std::string_view between) {
  std::string text;
  for (auto& name: names) text.append(text.empty() ? "" : between).append(name);
  return text;
}

// At commas; an empty text is one empty part.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  for (char c: text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool contains(const std::vector<std::string_view>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// All digits of a decimal, and nothing else.
bool isDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Duration> findDuration(std::string_view text) {
  auto unitAt = text.find_first_not_of("0123456789.");
  if (unitAt == std::string_view::npos) return std::nullopt;
  auto unit = std::find_if(std::begin(UNITS), std::end(UNITS), [&](auto& known) { return known.name == text.substr(unitAt); });
  auto number = text.substr(0, unitAt);
  auto point = number.find('.');
  auto whole = parseNumber(number.substr(0, point));
  if (unit == std::end(UNITS) || !whole || *whole > static_cast<uint64_t>(DURATION_MAX_H) * UNITS[0].ns / unit->ns) {
    return std::nullopt;
  }
  auto ns = static_cast<int64_t>(*whole) * unit->ns;
  if (point != std::string_view::npos) {
    auto fraction = number.substr(point + 1);
    if (!isDigits(fraction) || fraction.size() > FRACTION_MAX) return std::nullopt;
    auto worth = unit->ns;      // of one of the digit before
    for (char digit: fraction) {
      if (worth % 10 != 0 && digit != '0') return std::nullopt;     // below a nanosecond
      worth /= 10;
      ns += (digit - '0') * worth;
    }
  }
  return Duration(ns);
}

}  // namespace

const Scenario& parseScenario(const std::string& text) {
  if (auto* scenario = findScenario(text)) return *scenario;
  std::vector<std::string_view> names;
  for (auto& scenario: scenarios()) names.push_back(scenario.name);
  refuse("SCENARIO", text, joined(names, ", "));
}

uint64_t parseSeed(const std::string& text) {
  auto seed = isDigits(text) ? parseNumber(text) : std::nullopt;
  if (!seed) refuse("--seed", text, "a number from 0 to " + std::to_string(UINT64_MAX));
  return *seed;
}

SeedRange parseSeeds(const std::string& text) {
  std::string_view view = text;
  auto dots = view.find("..");
  auto first = parseNumber(view.substr(0, dots));
  auto last = dots == std::string_view::npos ? first : parseNumber(view.substr(dots + 2));
  if (!first || !last || *first > *last || *last - *first >= SeedRange::SEEDS_MAX) {
    refuse("--seeds", text, "A..B with A not above B, both included and both from 0 to " + std::to_string(UINT64_MAX) + ", at most " +
                                std::to_string(SeedRange::SEEDS_MAX) + " seeds");
  }
  return {*first, *last};
}

Duration parseDuration(const std::string& name, const std::string& text) {
  if (auto duration = findDuration(text)) return *duration;
  refuse(name, text, "a number and one of h m s ms us ns, as 12s, 1500ms or 2.5m, at most " + std::to_string(DURATION_MAX_H) + "h");
}

std::string durationText(Duration duration) {
  for (auto& unit: UNITS) {
    if (duration.count() % unit.ns == 0 && duration.count() != 0) {
      return std::to_string(duration.count() / unit.ns) + std::string(unit.name);
    }
  }
  return "0s";
}

std::set<std::string> parseFaults(const Scenario& scenario, const std::string& text) {
  std::set<std::string> faults;
  for (auto& fault: split(text)) {
    if (!contains(scenario.faults, fault)) {
      refuse("--without", fault, scenario.faults.empty() ? "none, the scenario has no faults" : "some of " + joined(scenario.faults, ","));
    }
    faults.insert(fault);
  }
  return faults;
}

std::string faultsText(const std::set<std::string>& faults) { return joined(faults, ","); }

std::map<std::string, uint32_t> parseSizes(const Scenario& scenario, const std::string& text) {
  std::map<std::string, uint32_t> sizes;
  for (auto& pair: split(text)) {
    auto equals = pair.find('=');
    auto name = pair.substr(0, equals);
    if (equals == std::string::npos || !contains(scenario.sizes, name)) {
      refuse("--size", pair, scenario.sizes.empty() ? "none, the scenario draws all of its sizes"
                                                    : "NAME=N, a name of " + joined(scenario.sizes, ", "));
    }
    sizes[name] = parseCount("--size " + name + "=", pair.substr(equals + 1), 1, Scenario::LARGEST);
  }
  return sizes;
}

std::string sizesText(const std::map<std::string, uint32_t>& sizes) {
  std::string text;
  for (auto& [name, size]: sizes) text += (text.empty() ? "" : ",") + name + "=" + std::to_string(size);
  return text;
}

uint32_t parseCount(const std::string& name, const std::string& text, uint32_t least, uint32_t most) {
  auto count = parseNumber(text);
  if (!count || *count < least || *count > most) {
    refuse(name, text, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<uint32_t>(*count);
}

std::string parseChecker(const std::string& text) {
  if (text.empty() || text.size() > Order::CHECKER_MAX) {
    refuse("--checker", text, "the name of a checker, at most " + std::to_string(Order::CHECKER_MAX) + " bytes");
  }
  return text;
}

}  // namespace meridian::sim
