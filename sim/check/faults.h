// Which exceptions a caller may meet in a storm: faults of the world, and what was asked for on purpose. Anything else is a bug.
#pragma once

#include <kj/exception.h>

#include "sim/world/stage.h"

namespace meridian::sim {

inline bool mentions(const kj::Exception& error, std::string_view words) {
  return std::string_view(error.getDescription().cStr()).find(words) != std::string_view::npos;
}

inline std::string toText(kj::Exception::Type type) {
  switch (type) {
    case kj::Exception::Type::FAILED: return "failed";
    case kj::Exception::Type::OVERLOADED: return "overloaded";
    case kj::Exception::Type::DISCONNECTED: return "disconnected";
    case kj::Exception::Type::UNIMPLEMENTED: return "unimplemented";
  }
  return "unknown";
}

inline void requireTyped(Stage& stage, const std::string& what, const kj::Exception& error) {
  if (mentions(error, "on purpose")) return;
  if (mentions(error, "left memory")) stage.verdict.wrong("passivation", what + " was under way when its actor left memory");
  if (error.getType() == kj::Exception::Type::DISCONNECTED || error.getType() == kj::Exception::Type::OVERLOADED) return;
  stage.verdict.wrong("typed-fault", what + " met what no storm has: " + error.getDescription().cStr());
}

}  // namespace meridian::sim
