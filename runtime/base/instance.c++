#include "runtime/base/instance.h"

#include "runtime/base/check.h"

namespace meridian {

std::string toText(const InstanceKey& key) {
  return toText(key.container) + "#" + std::to_string(key.generation.value());
}

const char* toText(StopReason reason) {
  switch (reason) {
    case StopReason::NONE: return "none";
    case StopReason::REQUESTED: return "requested";
    case StopReason::IDLE: return "idle";
    case StopReason::ROLLOUT: return "rollout";
    case StopReason::EXITED: return "exited";
    case StopReason::SIGNALLED: return "signalled";
    case StopReason::OOM: return "oom";
    case StopReason::DISK_FULL: return "disk-full";
    case StopReason::UNHEALTHY: return "unhealthy";
    case StopReason::START_TIMEOUT: return "start-timeout";
    case StopReason::IMAGE_FAILED: return "image-failed";
    case StopReason::EXEC_FAILED: return "exec-failed";
    case StopReason::MACHINE_LOST: return "machine-lost";
    case StopReason::PREEMPTED: return "preempted";
    case StopReason::QUOTA: return "quota";
    case StopReason::DRAINED: return "drained";
  }
  failCheck("a stop reason is one of the enumerants");
}

}  // namespace meridian
