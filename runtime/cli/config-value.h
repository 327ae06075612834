// One value of a configuration file, with the place it stands at, read as what it must be. Everything that is not so is
// refused with one line that a person can act upon: `FILE:LINE: KEY: what is wrong (value); allowed: ...`.
#pragma once

#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/units.h"
#include "runtime/cli/jsonc.h"

namespace meridian::cli {

// what() is the whole line.
class ConfigError final: public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Both ends belong to it.
template <typename T>
struct Range {
  T min;
  T max;
};

class ConfigFields;

// A view: the file name and the tree outlive it.
class ConfigValue {
 public:
  ConfigValue(const std::string& file, std::string key, const JsonNode& node)
      : file_(&file), key_(std::move(key)), node_(&node) {}

  // The accessors check type and range. `allowed` completes the error: what could stand here instead.
  std::string text(std::string_view allowed) const;
  uint64_t integer(Range<uint64_t> range, std::string_view unit = "") const;
  double number(Range<double> range) const;
  // "10m", with the units ms, s, m and h, or a number of seconds.
  Duration duration(Range<Duration> range) const;
  // A list of at most countMax values.
  std::vector<ConfigValue> elements(std::string_view allowed, size_t countMax) const;
  // An object with no other keys than these.
  ConfigFields fields(std::initializer_list<std::string_view> keys) const;
  // An object of at most countMax members whose keys are the user's own.
  std::vector<std::pair<std::string, ConfigValue>> members(std::string_view allowed,
                                                           size_t countMax) const;

  bool isText() const { return std::holds_alternative<std::string>(node_->value); }
  int line() const { return node_->line; }

  [[noreturn]] void refuse(std::string_view what, std::string_view allowed) const;

 private:
  friend class ConfigFields;

  template <typename T>
  const T& as(std::string_view kind, std::string_view allowed) const;

  const std::string* file_;
  std::string key_;
  const JsonNode* node_;
};

// The members of an object whose keys are known.
class ConfigFields {
 public:
  std::optional<ConfigValue> find(std::string_view key) const;
  // Missing is an error of the object.
  ConfigValue get(std::string_view key, std::string_view allowed) const;

 private:
  friend class ConfigValue;
  explicit ConfigFields(ConfigValue object): object_(std::move(object)) {}

  ConfigValue object_;
};

}  // namespace meridian::cli
