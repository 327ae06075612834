// History: what clients asked of some objects and what they were told, judged object by object.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "sim/check/linearizability.h"
#include "sim/world/stage.h"

namespace meridian::sim {

template <typename Model>
class History {
 public:
  explicit History(Stage& stage): stage_(stage) {}

  // In doubt, until it is ended or taken back.
  struct Handle {
    std::string object;
    size_t index;
  };
  Handle begin(const std::string& object, typename Model::Input input) {
    auto& operations = objects_[object];
    operations.push_back({std::move(input), std::nullopt, ++moment_, 0});
    return {object, operations.size() - 1};
  }
  void end(const Handle& handle, typename Model::Output output) {
    auto& operation = objects_[handle.object][handle.index];
    operation.output = std::move(output);
    operation.returned = ++moment_;
  }
  // It was refused: it never takes effect.
  void takeBack(const Handle& handle) { Model::makeIdle(objects_[handle.object][handle.index].input); }

  void judgeAll() {
    for (auto& [object, operations]: objects_) {
      auto relevant = Model::relevant(operations);
      auto verdict = judge<Model>(relevant, {}, TRIES_MAX);
      stage_.say("history", object + ": " + std::to_string(operations.size()) + " operations");
      if (verdict == Linearity::NOT_LINEARIZABLE) stage_.verdict.wrong("linearizable", object + ": " + describe(relevant));
      if (verdict == Linearity::GAVE_UP) stage_.verdict.wrong("gave-up", "the search was given up for " + object + ": " + describe(relevant));
    }
  }

  const std::map<std::string, std::vector<Operation<Model>>>& objects() const { return objects_; }

 private:
  static constexpr size_t TRIES_MAX = 2'000'000;

  static std::string describe(const std::vector<Operation<Model>>& operations) {
    std::string text = "no order of these explains them:";
    for (auto& operation: operations) {
      text += "\n  " + std::to_string(operation.called) + ".." + (operation.output ? std::to_string(operation.returned) : "?") + " " +
              Model::describe(operation);
    }
    return text;
  }

  Stage& stage_;
  std::map<std::string, std::vector<Operation<Model>>> objects_;
  uint64_t moment_ = 0;
};

}  // namespace meridian::sim
