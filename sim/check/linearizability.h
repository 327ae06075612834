// Whether a history of one object is linearizable: whether its operations, each at one moment between its call and its return, could have
// been done one after another by a thing that does one at a time. The search is that of Wing and Gong, with Lowe's memory: a set of
// operations done, together with the state that they led to, is tried once.
//
// An operation in doubt has no return: it takes effect at any later time, or never. The search is bounded; when it gives up, that is
// said, and is no pass.
//
// A Model is a type with
//   using State, Input, Output;                State is comparable and hashable by Model::hash(state)
//   static bool apply(State& state, const Input& input, const Output* output);
//   static bool helps(const Input& input, const Operation<Model>& other);
//   static bool alike(const Input& left, const Input& right);
// apply() does the input and answers whether the output is what comes of it; none: whatever comes of it. An operation in doubt is tried as
// late as can be: helps() says whether it can explain another that comes right after it, so that there is no use in it otherwise. Of
// two that are alike the earlier one is tried.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace meridian::sim {

template <typename Model>
struct Operation {
  typename Model::Input input;
  std::optional<typename Model::Output> output;   // none: in doubt
  uint64_t called = 0;                            // moments are numbered, each is used once
  uint64_t returned = 0;                          // with an output only
};

enum class Linearity { LINEARIZABLE, NOT_LINEARIZABLE, GAVE_UP };

template <typename Model>
class LinearitySearch {
 public:
  using State = typename Model::State;

  LinearitySearch(const std::vector<Operation<Model>>& operations, State initial, size_t triesMax)
      : operations_(operations), state_(std::move(initial)), triesMax_(triesMax), done_((operations.size() + 63) / 64) {
    std::vector<std::pair<uint64_t, Entry>> moments;
    for (size_t i = 0; i < operations_.size(); ++i) {
      moments.push_back({operations_[i].called, {i, Entry::CALL}});
      if (!operations_[i].output) continue;
      moments.push_back({operations_[i].returned, {i, Entry::RETURN}});
      ++unreturned_;
    }
    std::sort(moments.begin(), moments.end(), [](auto& left, auto& right) { return left.first < right.first; });
    entries_.resize(moments.size() + 1);
    callOf_.resize(operations_.size());
    returnOf_.resize(operations_.size());
    for (size_t i = 0; i < moments.size(); ++i) {
      auto& entry = entries_[i + 1] = moments[i].second;
      (entry.kind == Entry::CALL ? callOf_ : returnOf_)[entry.operation] = i + 1;
    }
    for (size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].next = (i + 1) % entries_.size();
      entries_[(i + 1) % entries_.size()].previous = i;
    }
  }

  Linearity run() {
    size_t at = entries_[HEAD].next;
    Pass pass = Pass::CERTAIN;
    while (unreturned_ > 0) {
      if (at != HEAD && entries_[at].kind == Entry::CALL) {
        if (++tries_ > triesMax_) return Linearity::GAVE_UP;
        if (mayComeNext(at, pass) && advance(at, pass)) {
          at = entries_[HEAD].next;
          pass = Pass::CERTAIN;
        } else {
          at = entries_[at].next;
        }
      } else if (pass == Pass::CERTAIN) {
        // One must come before this return; those in doubt are the last resort.
        pass = Pass::IN_DOUBT;
        at = entries_[HEAD].next;
      } else {
        // What changed nothing was right to come first: there is no other way to try.
        while (!path_.empty() && path_.back().changes == Changes::NOTHING) retreat();
        if (path_.empty()) return Linearity::NOT_LINEARIZABLE;
        pass = path_.back().pass;
        at = entries_[retreat()].next;
      }
    }
    return Linearity::LINEARIZABLE;
  }

 private:
  static constexpr size_t HEAD = 0;
  enum class Pass { CERTAIN, IN_DOUBT };
  enum class Changes { NOTHING, STATE };

  struct Entry {
    size_t operation;
    enum Kind { CALL, RETURN } kind;
    size_t next = 0, previous = 0;
  };
  struct Step {
    size_t call;
    Pass pass;
    Changes changes;
    State before;
  };
  struct Tried {
    std::vector<uint64_t> done;
    State state;
    friend bool operator==(const Tried&, const Tried&) = default;
  };
  struct Hash {
    size_t operator()(const Tried& tried) const {
      size_t hash = Model::hash(tried.state);
      for (auto word: tried.done) hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
      return hash ^ (hash >> 31);
    }
  };

  bool mayComeNext(size_t call, Pass pass) const {
    auto& operation = operations_[entries_[call].operation];
    if (operation.output.has_value() != (pass == Pass::CERTAIN)) return false;
    return pass == Pass::CERTAIN || isOfUse(call, operation);
  }

  bool isOfUse(size_t call, const Operation<Model>& inDoubt) const {
    bool helps = false;
    bool isBefore = true;
    for (size_t at = entries_[HEAD].next; at != HEAD && entries_[at].kind == Entry::CALL; at = entries_[at].next) {
      if (at == call) {
        isBefore = false;
        continue;
      }
      auto& other = operations_[entries_[at].operation];
      if (isBefore && !other.output && Model::alike(inDoubt.input, other.input)) return false;
      helps = helps || Model::helps(inDoubt.input, other);
    }
    return helps;
  }

  bool advance(size_t call, Pass pass) {
    auto& operation = operations_[entries_[call].operation];
    auto next = state_;
    if (!Model::apply(next, operation.input, operation.output ? &*operation.output : nullptr)) return false;
    if (!operation.output && next == state_) return false;
    flip(call);
    if (!tried_.insert({done_, next}).second) {
      flip(call);
      return false;
    }
    auto changes = next == state_ ? Changes::NOTHING : Changes::STATE;
    path_.push_back({call, pass, changes, std::exchange(state_, std::move(next))});
    lift(call);
    if (operation.output) {
      lift(returnOf_[entries_[call].operation]);
      --unreturned_;
    }
    return true;
  }

  size_t retreat() {
    auto step = std::move(path_.back());
    path_.pop_back();
    state_ = std::move(step.before);
    flip(step.call);
    if (operations_[entries_[step.call].operation].output) {
      putBack(returnOf_[entries_[step.call].operation]);
      ++unreturned_;
    }
    putBack(step.call);
    return step.call;
  }

  void flip(size_t call) {
    auto operation = entries_[call].operation;
    done_[operation / 64] ^= uint64_t(1) << operation % 64;
  }
  void lift(size_t entry) {
    entries_[entries_[entry].previous].next = entries_[entry].next;
    entries_[entries_[entry].next].previous = entries_[entry].previous;
  }
  void putBack(size_t entry) {
    entries_[entries_[entry].previous].next = entry;
    entries_[entries_[entry].next].previous = entry;
  }

  const std::vector<Operation<Model>>& operations_;
  State state_;
  size_t triesMax_;
  size_t tries_ = 0;
  size_t unreturned_ = 0;
  std::vector<uint64_t> done_;
  std::vector<Entry> entries_;                 // a ring through HEAD, in the order of moments
  std::vector<size_t> callOf_, returnOf_;
  std::vector<Step> path_;
  std::unordered_set<Tried, Hash> tried_;
};

template <typename Model>
Linearity judge(const std::vector<Operation<Model>>& operations, typename Model::State initial, size_t triesMax) {
  return LinearitySearch<Model>(operations, std::move(initial), triesMax).run();
}

}  // namespace meridian::sim
