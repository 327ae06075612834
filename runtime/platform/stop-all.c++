#include "runtime/platform/stop-all.h"

#include <spdlog/spdlog.h>

#include "actors/fleet/container-status.h"
#include "runtime/actor/envelope.h"

namespace meridian::platform {

kj::Promise<void> stopAll(actor::Host& host, kj::Function<schema::Supervisor::Client(const std::string& name)> supervisorOf) {
  kj::Vector<kj::Promise<void>> stops;
  fleet::eachSupervisor(host, [&](const std::string& name, schema::SupervisorRecord::Reader record) {
    if (fleet::stateOf(record) == schema::ContainerState::STOPPED) return;
    auto stopped = supervisorOf(name).stopRequest().send().ignoreResult();
    stops.add(stopped.catch_([name](kj::Exception&& error) {
      spdlog::warn("stop-failed actor=Supervisor:{} reason={}", name, error.getDescription().cStr());
    }));
  });
  return kj::joinPromises(stops.releaseAsArray());
}

}  // namespace meridian::platform
