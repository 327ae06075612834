// A register, for the judge of histories: it is read, written, and written if it holds what is expected; each answer tells what it held
// before.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "sim/check/linearizability.h"

namespace meridian::sim {

struct RegisterModel {
  using State = int64_t;                 // 0: nothing was written
  struct Input {
    enum class Kind { IDLE, READ, WRITE, COMPARE_AND_SET } kind = Kind::READ;
    int64_t value = 0;                   // each value is written once
    int64_t expected = 0;
  };
  using Output = int64_t;                // what it held before

  static size_t hash(State state) { return static_cast<size_t>(state); }

  static bool apply(State& state, const Input& input, const Output* output) {
    if (output != nullptr && *output != state) return false;
    bool writes = input.kind == Input::Kind::WRITE || (input.kind == Input::Kind::COMPARE_AND_SET && state == input.expected);
    if (writes) state = input.value;
    return true;
  }

  // Its value must be seen next, by an answer or by one that expects it: all others would tell of it.
  static bool helps(const Input& input, const Operation<RegisterModel>& other) {
    if (other.output) return *other.output == input.value;
    return other.input.kind == Input::Kind::COMPARE_AND_SET && other.input.expected == input.value;
  }
  static bool alike(const Input&, const Input&) { return false; }

  static void makeIdle(Input& input) { input.kind = Input::Kind::IDLE; }

  // Without those in doubt whose value nobody has seen, neither an answer nor one in doubt that expects it and was seen itself: every
  // answer tells what was there, so they explain nothing.
  static std::vector<Operation<RegisterModel>> relevant(const std::vector<Operation<RegisterModel>>& operations) {
    std::set<int64_t> seen;
    for (auto& operation: operations) {
      if (operation.output) seen.insert(*operation.output);
    }
    for (size_t before = 0; before != seen.size();) {
      before = seen.size();
      for (auto& operation: operations) {
        bool compares = operation.input.kind == Input::Kind::COMPARE_AND_SET;
        if (!operation.output && compares && seen.contains(operation.input.value)) seen.insert(operation.input.expected);
      }
    }
    std::vector<Operation<RegisterModel>> kept;
    for (auto& operation: operations) {
      bool writes = operation.input.kind == Input::Kind::WRITE || operation.input.kind == Input::Kind::COMPARE_AND_SET;
      if (operation.output || (writes && seen.contains(operation.input.value))) kept.push_back(operation);
    }
    return kept;
  }

  static std::string describe(const Operation<RegisterModel>& operation) {
    auto& input = operation.input;
    std::string text = input.kind == Input::Kind::READ ? "read" : "write " + std::to_string(input.value);
    if (input.kind == Input::Kind::COMPARE_AND_SET) text += " if " + std::to_string(input.expected);
    return text + (operation.output ? ": was " + std::to_string(*operation.output) : "");
  }
};

}  // namespace meridian::sim
