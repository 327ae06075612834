// Transcript: what happened in a world, a line each, with a running hash of all of it: two runs of one seed are the same when their
// hashes are. Only the last lines are kept.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "runtime/base/units.h"

namespace meridian::sim {

class Transcript {
 public:
  enum class Print { NO, YES };

  explicit Transcript(Print print): print_(print) {}

  // `who` is a process, a machine, or "world".
  void line(Duration now, std::string_view who, std::string_view what);

  // What is too long to be a line: the bytes of a message.
  void hash(std::string_view bytes);

  uint64_t hash() const { return hash_; }
  const std::deque<std::string>& tail() const { return tail_; }

 private:
  static constexpr size_t TAIL_MAX = 60;   // lines

  Print print_;
  uint64_t hash_ = 0xcbf29ce484222325ull;
  std::deque<std::string> tail_;
};

}  // namespace meridian::sim
