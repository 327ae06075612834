#include "runtime/cli/words.h"

#include <cstdio>
#include <ctime>
#include <kj/string.h>

namespace meridian::cli {

namespace {

constexpr int64_t NS_PER_MS = 1'000'000;
constexpr int64_t NS_PER_S = 1'000'000'000;

template <typename... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, arguments...);
  return text;
}

}  // namespace

std::string_view toWord(schema::ContainerState state) {
  switch (state) {
    case schema::ContainerState::STOPPED: return "stopped";
    case schema::ContainerState::PLACING: return "placing";
    case schema::ContainerState::STARTING: return "starting";
    case schema::ContainerState::RUNNING: return "running";
    case schema::ContainerState::UNHEALTHY: return "unhealthy";
    case schema::ContainerState::DRAINING: return "draining";
    case schema::ContainerState::STOPPING: return "stopping";
    case schema::ContainerState::DAMAGED: return "damaged";
  }
  return "unknown";  // of a newer platform
}

std::optional<std::string_view> toWord(schema::StopReason reason) {
  switch (reason) {
    case schema::StopReason::NONE: return std::nullopt;
    case schema::StopReason::REQUESTED: return "requested";
    case schema::StopReason::IDLE: return "idle";
    case schema::StopReason::ROLLOUT: return "rollout";
    case schema::StopReason::EXITED: return "exited";
    case schema::StopReason::SIGNALLED: return "signalled";
    case schema::StopReason::OOM: return "oom";
    case schema::StopReason::DISK_FULL: return "disk-full";
    case schema::StopReason::UNHEALTHY: return "unhealthy";
    case schema::StopReason::START_TIMEOUT: return "start-timeout";
    case schema::StopReason::IMAGE_FAILED: return "image-failed";
    case schema::StopReason::EXEC_FAILED: return "exec-failed";
    case schema::StopReason::MACHINE_LOST: return "machine-lost";
    case schema::StopReason::PREEMPTED: return "preempted";
    case schema::StopReason::QUOTA: return "quota";
    case schema::StopReason::DRAINED: return "drained";
  }
  return "unknown";  // of a newer platform
}

std::string toText(schema::Exit::Reader exit) {
  std::string text(toWord(exit.getReason()).value_or("-"));
  if (exit.getReason() == schema::StopReason::EXITED) text += format(" %d", exit.getCode());
  if (exit.getReason() == schema::StopReason::SIGNALLED) text += format(" %d", exit.getSignal());
  return text;
}

std::string isoTime(int64_t nsSinceEpoch) {
  time_t seconds = nsSinceEpoch / NS_PER_S;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32];
  std::strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
  return day + format(".%03dZ", int(nsSinceEpoch % NS_PER_S / NS_PER_MS));
}

std::string ageText(int64_t ns) {
  long seconds = ns / NS_PER_S;
  if (seconds < 1) return format("%ldms", long(ns / NS_PER_MS));
  if (seconds < 60) return format("%lds", seconds);
  if (seconds < 3600) return format("%ldm%02lds", seconds / 60, seconds % 60);
  if (seconds < 86400) return format("%ldh%02ldm", seconds / 3600, seconds / 60 % 60);
  return format("%ldd%02ldh", seconds / 86400, seconds / 3600 % 24);
}

std::string msText(double ms) { return format("%.1f ms", ms); }

}  // namespace meridian::cli
