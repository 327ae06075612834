#include "actors/fleet/container-status.h"

#include <spdlog/spdlog.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"

namespace meridian::fleet {

namespace {

constexpr size_t NAMES_PER_READ = 1000;

struct Place {
  capnp::Text::Reader machine;
  capnp::Text::Reader location;
  int64_t startedAtNs = 0;
};

Place placeOf(schema::SupervisorRecord::State::Reader state) {
  switch (state.which()) {
    case schema::SupervisorRecord::State::STOPPED:
    case schema::SupervisorRecord::State::PLACING:
      return {};
    case schema::SupervisorRecord::State::STARTING:
      return {state.getStarting().getMachine(), state.getStarting().getLocation()};
    case schema::SupervisorRecord::State::RUNNING: {
      auto running = state.getRunning();
      return {running.getMachine(), running.getLocation(), running.getStartedAtNs()};
    }
    case schema::SupervisorRecord::State::DRAINING: {
      auto draining = state.getDraining();
      return {draining.getMachine(), draining.getLocation(), draining.getStartedAtNs()};
    }
    case schema::SupervisorRecord::State::STOPPING:
      return {state.getStopping().getMachine(), state.getStopping().getLocation()};
  }
  KJ_FAIL_REQUIRE("a supervisor's record has a state that this build does not know", static_cast<unsigned>(state.which()));
}

}  // namespace

schema::ContainerState stateOf(schema::SupervisorRecord::Reader record) {
  auto state = record.getState();
  switch (state.which()) {
    case schema::SupervisorRecord::State::STOPPED:
      return schema::ContainerState::STOPPED;
    case schema::SupervisorRecord::State::PLACING:
      return schema::ContainerState::PLACING;
    case schema::SupervisorRecord::State::STARTING:
      return schema::ContainerState::STARTING;
    case schema::SupervisorRecord::State::RUNNING:
      return state.getRunning().getHealthy() ? schema::ContainerState::RUNNING : schema::ContainerState::UNHEALTHY;
    case schema::SupervisorRecord::State::DRAINING:
      return schema::ContainerState::DRAINING;
    case schema::SupervisorRecord::State::STOPPING:
      return schema::ContainerState::STOPPING;
  }
  KJ_FAIL_REQUIRE("a supervisor's record has a state that this build does not know", static_cast<unsigned>(state.which()));
}

void writeStatus(std::string_view name, schema::SupervisorRecord::Reader record, schema::ContainerStatus::Builder to) {
  actor::write(to.initContainer(), containerIdFromText(std::string(name)));
  auto place = placeOf(record.getState());
  to.setState(stateOf(record));
  to.setGeneration(record.getGeneration());
  to.setMachine(place.machine);
  to.setLocation(place.location);
  to.setStartedAtNs(place.startedAtNs);
  to.setLastExit(record.getLastExit());
  to.setRestarts(record.getRestarts());
  to.setReadyMs(record.getReadyMs());
  to.setImage(record.getSpec().getImage());
  to.setVersion(record.getSpec().getVersion());
}

void writeDamaged(std::string_view name, schema::ContainerStatus::Builder to) {
  actor::write(to.initContainer(), containerIdFromText(std::string(name)));
  to.setState(schema::ContainerState::DAMAGED);
}

void eachSupervisor(actor::Host& host, VisitSupervisor visit, kj::FunctionParam<void(const std::string&)> damaged) {
  auto kind = actor::kindOf<schema::Supervisor>();
  std::string after;
  for (;;) {
    auto names = host.list(kind, after, NAMES_PER_READ);
    for (auto& name : names) {
      std::optional<std::string> bytes;
      try {
        bytes = host.peek({kind, name}, "record");
      } catch (const env::DamagedValue& error) {
        spdlog::error("record-damaged actor={}:{} reason={}", kind, name, error.getDescription().cStr());
        damaged(name);
        continue;
      }
      if (!bytes) continue;
      auto record = actor::open(*bytes);
      visit(name, record->get<schema::SupervisorRecord>());
    }
    if (names.size() < NAMES_PER_READ) return;
    after = names.back();
  }
}

void eachSupervisor(actor::Host& host, VisitSupervisor visit) {
  eachSupervisor(host, kj::mv(visit), [](const std::string&) {});
}

}  // namespace meridian::fleet
