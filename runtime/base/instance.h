// One instance in words: the key that names a run of an ID, what is added to its environment, and why and how it ended.
// Supervisor, machine and driver speak of instances in these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian {

struct InstanceKey {
  ContainerId container;
  Generation generation;

  friend bool operator==(const InstanceKey&, const InstanceKey&) = default;
  friend auto operator<=>(const InstanceKey&, const InstanceKey&) = default;
};

// `class/id#generation`, for logs and messages.
std::string toText(const InstanceKey& key);

struct EnvVar {
  std::string name;
  std::string value;

  friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

// In the order of the schema's enumerants.
enum class StopReason : uint16_t {
  NONE, REQUESTED, IDLE, ROLLOUT, EXITED, SIGNALLED, OOM, DISK_FULL, UNHEALTHY, START_TIMEOUT, IMAGE_FAILED, EXEC_FAILED,
  MACHINE_LOST, PREEMPTED, QUOTA, DRAINED,
};
inline constexpr auto LAST_STOP_REASON = StopReason::DRAINED;

// The word that users see: "idle", "start-timeout".
const char* toText(StopReason reason);

// A code and a signal exclude each other; an instance that never ran has neither.
struct Exit {
  StopReason reason = StopReason::NONE;
  std::optional<int32_t> code;
  std::optional<int32_t> signal;
  std::string detail;               // one human sentence, may be empty
  Instant at;

  friend bool operator==(const Exit&, const Exit&) = default;
};

}  // namespace meridian
