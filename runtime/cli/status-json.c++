#include "runtime/cli/status-json.h"

#include <nlohmann/json.hpp>

#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

using nlohmann::ordered_json;

ordered_json orNull(capnp::Text::Reader text) {
  return text.size() == 0 ? ordered_json() : ordered_json(text.cStr());
}

ordered_json orNull(std::optional<std::string_view> word) {
  return word ? ordered_json(*word) : ordered_json();
}

ordered_json timeOrNull(int64_t ns) { return ns == 0 ? ordered_json() : ordered_json(isoTime(ns)); }

ordered_json unless(int32_t absent, int32_t value) {
  return value == absent ? ordered_json() : ordered_json(value);
}

}  // namespace

ordered_json toJson(schema::ContainerStatus::Reader status) {
  auto exit = status.getLastExit();
  ordered_json json;
  json["class"] = status.getContainer().getClassName().cStr();
  json["id"] = status.getContainer().getId().cStr();
  json["state"] = toWord(status.getState());
  json["generation"] = status.getGeneration();
  json["machine"] = orNull(status.getMachine());
  json["location"] = orNull(status.getLocation());
  json["stop_reason"] = orNull(toWord(exit.getReason()));
  json["exit_code"] = unless(-1, exit.getCode());
  json["exit_signal"] = unless(-1, exit.getSignal());
  json["restarts"] = status.getRestarts();
  json["started_at"] = timeOrNull(status.getStartedAtNs());
  json["ready_ms"] = status.getReadyMs() > 0 ? ordered_json(status.getReadyMs()) : ordered_json();
  json["image"] = orNull(status.getImage());
  json["version"] = status.getVersion() == 0 ? ordered_json() : ordered_json(status.getVersion());
  json["stopped_at"] = timeOrNull(exit.getAtNs());
  json["stop_detail"] = orNull(exit.getDetail());
  return json;
}

std::string toLine(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string toPage(const ordered_json& json) {
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace meridian::cli
