// Verdict: the first thing that a checker found wrong in a world. The world stops there. To prove that one checker alone finds a bug,
// the others can be left out.
#pragma once

#include <optional>
#include <string>

namespace meridian::sim {

enum class Failure { WRONG, STUCK };

struct Finding {
  Failure failure;
  std::string checker;     // "never-two"
  std::string what;
};

class Verdict {
 public:
  // `only`: the one checker that counts; empty: all do.
  explicit Verdict(std::string only): only_(std::move(only)) {}

  void fail(Failure failure, std::string checker, std::string what) {
    if (!only_.empty() && only_ != checker) return;
    if (!finding_) finding_ = Finding{failure, std::move(checker), std::move(what)};
  }
  void wrong(std::string checker, std::string what) { fail(Failure::WRONG, std::move(checker), std::move(what)); }

  const std::optional<Finding>& finding() const { return finding_; }

 private:
  std::string only_;
  std::optional<Finding> finding_;
};

}  // namespace meridian::sim
