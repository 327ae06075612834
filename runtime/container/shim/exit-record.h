// How things end: a process (Ending), and an instance with all that is kept of it (ExitRecord).
#pragma once

#include <optional>
#include <string>

#include "runtime/base/instance.h"

namespace meridian::shim {

// How a process ended: exactly one of the two.
struct Ending {
  std::optional<int32_t> code;
  std::optional<int32_t> signal;

  friend bool operator==(const Ending&, const Ending&) = default;
};

// Of a wait status.
Ending endingOf(int waitStatus);

struct ExitRecord {
  uint64_t number = 0;  // given by ExitsFile::append()
  InstanceKey key;
  Ending ending;
  bool oomKilled = false;
  bool killed = false;
  Instant at;
  std::string tag;

  friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

}  // namespace meridian::shim
