// What `sim` ends with. Its usage errors have a status of their own: 2, that of the other verbs, means that a world is stuck.
#pragma once

#include "sim/command/wire.h"

namespace meridian::sim {

inline constexpr int STATUS_FINE = 0;
inline constexpr int STATUS_WRONG = 1;
inline constexpr int STATUS_STUCK = 2;
inline constexpr int STATUS_CRASH = 3;
inline constexpr int STATUS_NOT_EXHAUSTIVE = 4; // a search was cut short by its memory or its time, and found nothing
inline constexpr int STATUS_USAGE = 64;
inline constexpr int STATUS_NO_WORLD = 71;      // the system gives no process, or takes no output

inline int statusOf(End end) {
  switch (end) {
    case End::FINE: return STATUS_FINE;
    case End::WRONG: return STATUS_WRONG;
    case End::STUCK: return STATUS_STUCK;
    case End::CRASH: return STATUS_CRASH;
  }
  return STATUS_CRASH;
}

}  // namespace meridian::sim
