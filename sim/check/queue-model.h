// A queue ordered by key, for the judge of histories: rows are put, the lowest is popped, and ranges are listed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "sim/check/linearizability.h"

namespace meridian::sim {

struct QueueModel {
  using Rows = std::vector<std::pair<std::string, std::string>>;
  using State = std::map<std::string, std::string>;
  struct Input {
    enum class Kind { IDLE, PUT, POP, PUT_AND_LIST, LIST } kind = Kind::LIST;
    std::string key;                     // of PUT; LIST gives only keys above it
    std::string value;                   // each value is put once
    size_t limit = SIZE_MAX;             // of LIST and POP
  };
  using Output = Rows;                   // what a PUT replaced, a POP took, a LIST found

  static size_t hash(const State& state) {
    size_t hash = state.size();
    for (auto& [key, value]: state) hash = (hash ^ std::hash<std::string>()(value)) * 0x9e3779b97f4a7c15ull;
    return hash;
  }

  static bool apply(State& state, const Input& input, const Output* output) {
    Rows found;
    switch (input.kind) {
      case Input::Kind::IDLE: break;
      case Input::Kind::PUT:
        if (auto row = state.find(input.key); row != state.end()) found.push_back(*row);
        state[input.key] = input.value;
        break;
      case Input::Kind::PUT_AND_LIST:
        state[input.key] = input.value;
        found.assign(state.begin(), state.end());
        break;
      case Input::Kind::POP:
        for (size_t left = input.limit; left > 0 && !state.empty(); --left) {
          found.push_back(*state.begin());
          state.erase(state.begin());
        }
        break;
      case Input::Kind::LIST:
        for (auto row = state.upper_bound(input.key); row != state.end() && found.size() < input.limit; ++row) found.push_back(*row);
        break;
    }
    return output == nullptr || *output == found;
  }

  // A row is put when it is first seen; one is taken whenever it is missed.
  static bool helps(const Input& input, const Operation<QueueModel>& other) {
    if (!other.output || input.kind == Input::Kind::POP) return other.output.has_value();
    for (auto& row: *other.output) {
      if (row.second == input.value) return true;
    }
    return false;
  }
  static bool alike(const Input& left, const Input& right) {
    return left.kind == Input::Kind::POP && right.kind == Input::Kind::POP && left.limit == right.limit;
  }

  static void makeIdle(Input& input) { input.kind = Input::Kind::IDLE; }

  // Without the puts in doubt whose value nobody has seen. At the end the queue is listed whole: such a value is not there, so if it
  // ever was, then a pop in doubt has taken it, which without it takes less. A pop in doubt may take any number up to its limit, each at
  // a moment of its own: that lets a little more pass.
  static std::vector<Operation<QueueModel>> relevant(const std::vector<Operation<QueueModel>>& operations) {
    std::set<std::string> seen;
    for (auto& operation: operations) {
      if (!operation.output) continue;
      for (auto& row: *operation.output) seen.insert(row.second);
    }
    std::vector<Operation<QueueModel>> kept;
    for (auto& operation: operations) {
      bool puts = operation.input.kind == Input::Kind::PUT || operation.input.kind == Input::Kind::PUT_AND_LIST;
      bool mayMatter = operation.input.kind == Input::Kind::POP || (puts && seen.contains(operation.input.value));
      if (!operation.output && !mayMatter) continue;
      bool mayTakeLess = !operation.output && operation.input.kind == Input::Kind::POP;
      auto copies = mayTakeLess ? operation.input.limit : 1;
      for (size_t i = 0; i < copies; ++i) {
        kept.push_back(operation);
        if (mayTakeLess) kept.back().input.limit = 1;
      }
    }
    return kept;
  }

  static std::string describe(const Operation<QueueModel>& operation) {
    auto& input = operation.input;
    std::string text;
    switch (input.kind) {
      case Input::Kind::IDLE: text = "idle"; break;
      case Input::Kind::PUT: text = "put " + input.key + "=" + input.value; break;
      case Input::Kind::POP: text = "pop " + std::to_string(input.limit); break;
      case Input::Kind::PUT_AND_LIST: text = "list with " + input.key + "=" + input.value; break;
      case Input::Kind::LIST: text = "list above '" + input.key + "'"; break;
    }
    if (!operation.output) return text;
    text += ":";
    for (auto& [key, value]: *operation.output) text += " " + key + "=" + value;
    return text;
  }
};

}  // namespace meridian::sim
