#include "runtime/cli/config-value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace meridian::cli {

namespace {

using namespace std::chrono_literals;

struct DurationUnit {
  std::string_view suffix;
  Duration length;
};

constexpr DurationUnit DURATION_UNITS[] = {{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}};

constexpr size_t KEY_SHOWN_MAX_BYTES = 200;

// `FILE:LINE: KEY: what`; the whole file has no key.
std::string located(const std::string& file, int line, const std::string& key,
                    std::string_view what) {
  std::string text = file + ":" + std::to_string(line) + ": ";
  if (!key.empty()) text += key.substr(0, KEY_SHOWN_MAX_BYTES) + ": ";
  return text.append(what);
}

std::string memberKey(const std::string& object, std::string_view key) {
  return object.empty() ? std::string(key) : object + "." + std::string(key);
}

// The longest unit in which the duration is whole: "10m", "1500ms".
std::string toText(Duration duration) {
  const auto* unit = std::end(DURATION_UNITS) - 1;
  while (unit != DURATION_UNITS && (duration % unit->length != 0ns || duration == 0ns)) --unit;
  return std::to_string(duration / unit->length).append(unit->suffix);
}

// Saturates: a number of digits without end is over every range.
Duration multiply(std::string_view digits, Duration unit) {
  uint64_t count = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || count > uint64_t(Duration::max() / unit)) return Duration::max();
  return Duration(int64_t(count) * unit.count());
}

// The value of `^\d+(ms|s|m|h)$`.
std::optional<Duration> parseDuration(std::string_view text) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return std::nullopt;
  for (const auto& unit : DURATION_UNITS) {
    if (text.substr(digits) == unit.suffix) return multiply(text.substr(0, digits), unit.length);
  }
  return std::nullopt;
}

std::string numberText(double number) {
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof(text), number);
  return std::string(text, end);
}

}  // namespace

void ConfigValue::refuse(std::string_view what, std::string_view allowed) const {
  throw ConfigError(located(*file_, line(), key_, what) + " (" + quoted(*node_) +
                    "); allowed: " + std::string(allowed));
}

template <typename T>
const T& ConfigValue::as(std::string_view kind, std::string_view allowed) const {
  if (auto* value = std::get_if<T>(&node_->value)) return *value;
  refuse("must be " + std::string(kind) + ", is " + std::string(kindOf(*node_)), allowed);
}

std::string ConfigValue::text(std::string_view allowed) const {
  const auto& text = as<std::string>("a string", allowed);
  if (text.find('\0') != std::string::npos) refuse("has a NUL character", allowed);
  return text;
}

uint64_t ConfigValue::integer(Range<uint64_t> range, std::string_view unit) const {
  std::string allowed = "a whole number from " + std::to_string(range.min) + " to " +
                        std::to_string(range.max) + (unit.empty() ? "" : " ") + std::string(unit);
  if (std::holds_alternative<double>(node_->value)) {
    refuse("is not a whole number in range", allowed);
  }
  JsonInteger value = as<JsonInteger>("a number", allowed);
  if (value < 0 || uint64_t(value) < range.min || uint64_t(value) > range.max) {
    refuse("out of range", allowed);
  }
  return value;
}

double ConfigValue::number(Range<double> range) const {
  std::string allowed = "a number from " + numberText(range.min) + " to " + numberText(range.max);
  auto* whole = std::get_if<JsonInteger>(&node_->value);
  double value = whole ? double(*whole) : as<double>("a number", allowed);
  if (!(value >= range.min && value <= range.max)) refuse("out of range", allowed);
  return value;
}

Duration ConfigValue::duration(Range<Duration> range) const {
  std::string allowed = "a whole number with ms, s, m or h (\"90s\"), or a number of seconds; " +
                        toText(range.min) + " to " + toText(range.max);
  Duration value;
  if (auto* whole = std::get_if<JsonInteger>(&node_->value)) {
    if (*whole < 0 || *whole > range.max / 1s) refuse("out of range", allowed);
    value = std::chrono::seconds(*whole);
  } else if (auto* fraction = std::get_if<double>(&node_->value)) {
    if (!(*fraction >= 0 && *fraction <= double(range.max / 1s))) refuse("out of range", allowed);
    value = std::chrono::milliseconds(std::llround(*fraction * 1000));
  } else {
    auto parsed = parseDuration(as<std::string>("a string or a number", allowed));
    if (!parsed) refuse("not a duration", allowed);
    value = *parsed;
  }
  if (value < range.min || value > range.max) refuse("out of range", allowed);
  return value;
}

std::vector<ConfigValue> ConfigValue::elements(std::string_view allowed, size_t countMax) const {
  const auto& array = as<JsonArray>("an array", allowed);
  if (array.size() > countMax) {
    refuse("has " + std::to_string(array.size()) + " elements",
           "at most " + std::to_string(countMax));
  }
  std::vector<ConfigValue> elements;
  for (const auto& node : array) {
    elements.emplace_back(*file_, key_ + "[" + std::to_string(elements.size()) + "]", node);
  }
  return elements;
}

ConfigFields ConfigValue::fields(std::initializer_list<std::string_view> keys) const {
  std::string allowed;
  for (auto key : keys) allowed.append(allowed.empty() ? "" : ", ").append(key);
  for (const auto& member : as<JsonObject>("an object", "an object with " + allowed)) {
    if (std::find(keys.begin(), keys.end(), member.key) != keys.end()) continue;
    throw ConfigError(located(*file_, member.line, memberKey(key_, member.key), "unknown key") +
                      " (" + quoted(member.value.front()) + "); allowed: " + allowed);
  }
  return ConfigFields(*this);
}

std::vector<std::pair<std::string, ConfigValue>> ConfigValue::members(std::string_view allowed,
                                                                      size_t countMax) const {
  const auto& object = as<JsonObject>("an object", allowed);
  if (object.size() > countMax) {
    refuse("has " + std::to_string(object.size()) + " members",
           "at most " + std::to_string(countMax));
  }
  std::vector<std::pair<std::string, ConfigValue>> members;
  for (const auto& member : object) {
    members.emplace_back(member.key, ConfigValue(*file_, memberKey(key_, member.key),
                                                 member.value.front()));
  }
  return members;
}

std::optional<ConfigValue> ConfigFields::find(std::string_view key) const {
  for (const auto& member : std::get<JsonObject>(object_.node_->value)) {
    if (member.key == key) {
      return ConfigValue(*object_.file_, memberKey(object_.key_, key), member.value.front());
    }
  }
  return std::nullopt;
}

ConfigValue ConfigFields::get(std::string_view key, std::string_view allowed) const {
  if (auto value = find(key)) return *value;
  throw ConfigError(located(*object_.file_, object_.line(), memberKey(object_.key_, key),
                            "missing; allowed: ").append(allowed));
}

}  // namespace meridian::cli
