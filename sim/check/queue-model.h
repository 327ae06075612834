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
    enum class Kind { IDLE, PUT, POP, SHIFT, LIST } kind = Kind::LIST;   // SHIFT: a PUT and a POP at once
    std::string key;                     // of PUT; LIST gives only keys above it
    std::string value;                   // each value is put once
    size_t limit = SIZE_MAX;             // of LIST and POP
  };
  using Output = Rows;                   // what a PUT replaced, a POP or SHIFT took, a LIST found

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
      case Input::Kind::SHIFT:
        state[input.key] = input.value;
        [[fallthrough]];
      case Input::Kind::POP:
        for (size_t left = input.kind == Input::Kind::POP ? input.limit : 1; left > 0 && !state.empty(); --left) {
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

  static void makeIdle(Input& input) { input.kind = Input::Kind::IDLE; }

  // Without the puts in doubt whose value nobody has seen. At the end the queue is listed whole: such a value is not there, so if it
  // ever was, then a pop in doubt has taken it, which without it takes another or nothing.
  static std::vector<Operation<QueueModel>> relevant(const std::vector<Operation<QueueModel>>& operations) {
    std::set<std::string> seen;
    for (auto& operation: operations) {
      if (!operation.output) continue;
      for (auto& row: *operation.output) seen.insert(row.second);
    }
    std::vector<Operation<QueueModel>> kept;
    for (auto& operation: operations) {
      bool mayMatter = operation.input.kind == Input::Kind::POP || operation.input.kind == Input::Kind::SHIFT ||
                       (operation.input.kind == Input::Kind::PUT && seen.contains(operation.input.value));
      if (operation.output || mayMatter) kept.push_back(operation);
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
      case Input::Kind::SHIFT: text = "shift " + input.key + "=" + input.value; break;
      case Input::Kind::LIST: text = "list above '" + input.key + "'"; break;
    }
    if (!operation.output) return text;
    text += ":";
    for (auto& [key, value]: *operation.output) text += " " + key + "=" + value;
    return text;
  }
};

}  // namespace meridian::sim
