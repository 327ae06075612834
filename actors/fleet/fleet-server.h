// FleetServer: the bootstrap of the operator's socket. It keeps nothing: what it answers comes from the actors, from their stored
// records, and from the store's journal.
//
// Thread: the host's shard's. It is served through the host's gated connections only.
#pragma once

#include <kj/function.h>

#include "runtime/actor/host.h"
#include "schema/fleet.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::fleet {

struct Platform {
  std::string version;
  std::string httpAddress;
  std::string mode;                     // "dev" or "up"
  kj::Function<kj::Promise<void>()> down;
  kj::Function<uint64_t()> agentCommits;
};

class FleetServer final: public schema::Fleet::Server {
 public:
  // The host outlives the server.
  FleetServer(actor::Host& host, Platform platform): host_(host), platform_(kj::mv(platform)) {}

  kj::Promise<void> deploy(DeployContext context) override;
  kj::Promise<void> applications(ApplicationsContext context) override;
  kj::Promise<void> list(ListContext context) override;
  kj::Promise<void> events(EventsContext context) override;
  kj::Promise<void> container(ContainerContext context) override;
  kj::Promise<void> why(WhyContext context) override;
  kj::Promise<void> info(InfoContext context) override;
  kj::Promise<void> down(DownContext context) override;

 private:
  template <typename Interface>
  typename Interface::Client actor(std::string name) {
    return host_.reference({actor::kindOf<Interface>(), kj::mv(name)}).template castAs<Interface>();
  }

  kj::Promise<void> rollOut(std::string application, uint32_t version);

  actor::Host& host_;
  Platform platform_;
};

}  // namespace meridian::fleet
