// The way from a one-shot verb to the running platform: Cap'n Proto over the Unix socket in its state folder. One client
// a process, on the main thread, with the loop that all its calls run on.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <string>
#include <vector>

#include "runtime/base/names.h"
#include "schema/fleet.capnp.h"

namespace meridian::cli {

class FleetClient {
 public:
  // Connects to the first folder that a platform serves. Throws Failure when there is none.
  explicit FleetClient(const std::vector<std::string>& folders);
  KJ_DISALLOW_COPY(FleetClient);

  schema::Fleet::Client fleet() { return fleet_; }

  // A name: it wakes nothing and can be called at once.
  schema::Container::Client container(const ContainerId& id);

  // Rejects, DISCONNECTED, when the platform goes away. For verbs that wait for what the platform sends by itself.
  kj::Promise<void> lost();

  // The process that serves.
  pid_t platformProcess();

  kj::AsyncIoContext& io() { return io_; }
  kj::WaitScope& waitScope() { return io_.waitScope; }

 private:
  kj::AsyncIoContext io_;
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  schema::Fleet::Client fleet_;
};

void write(const ContainerId& id, schema::ContainerKey::Builder builder);

}  // namespace meridian::cli
