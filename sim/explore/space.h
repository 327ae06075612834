// Space: what a search walks. A state is canonical bytes: two states that behave alike may share them, so that they are one. From each
// state lead moves; a FREE move is what the world does by itself, an EVENT is what somebody or some fault does to it.
//
// The first free move of a state is the one that a world without further events makes: followed again and again it must lead to a
// state without free moves, which is at rest. So a space orders its moves fairly, what is under way before time that passes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::explore {

enum class Cost : uint8_t { FREE, EVENT };

struct Next {
  uint16_t move;                       // its name among the moves of its state
  Cost cost;
  std::string state;
  std::string flaw;                    // what this move, or the state that it leads to, violates; empty: nothing
};

enum class Events : uint8_t { LEFT_OUT, TOO };

class Space {
 public:
  virtual ~Space() noexcept(false) = default;

  virtual std::string start() = 0;

  // Every move of the state, always in the same order; those that are events may be left out, with what they cost.
  virtual void moves(std::string_view state, Events events, const std::function<void(Next&&)>& visit) = 0;

  // What is wrong with a state that is at rest; empty: nothing.
  virtual std::string flawAtRest(std::string_view state) = 0;

  // One line for each of these moves, from the start.
  virtual std::vector<std::string> describe(const std::vector<uint16_t>& moves) = 0;
};

}  // namespace meridian::explore
