// EmbeddedPlatform: all roles of a platform with one location and one machine, in one process and on one thread: a server with its
// store, an agent with its own, the driver, and a gateway. They meet only over vats, as they would in processes of their own:
//
//   client --http--> gateway ==vat==> server (store server/) ==vat==> agent (store agent/) ==vat==> driver --> shim
//   operator --rpc.sock--> server
//
// Every ==> that leaves a store passes its output gate.
#pragma once

#include <kj/async-io.h>

#include "actors/fleet/fleet-server.h"
#include "runtime/actor/shard-thread.h"
#include "runtime/cli/platform.h"
#include "runtime/container/native-driver.h"
#include "runtime/http/gateway.h"
#include "runtime/image/image-store.h"
#include "runtime/platform/agent-role.h"
#include "runtime/platform/operator-socket.h"
#include "runtime/platform/server-role.h"
#include "runtime/platform/spare-memory.h"
#include "runtime/platform/state-folder.h"

namespace meridian::platform {

struct PlatformOptions {
  std::string mode;                 // "dev" or "up"
  std::string shimBinary;
  cli::HttpAddress http;
  Resources capacity;
};

class EmbeddedPlatform {
 public:
  // The state folder outlives the platform. Signals the loop shall see are captured before: threads are started here.
  EmbeddedPlatform(const StateFolder& state, PlatformOptions options);
  ~EmbeddedPlatform() noexcept(false);

  // Takes the HTTP port. First of all, since an address that cannot be had must leave nothing behind; requests wait.
  kj::Promise<void> listen();

  // Takes over what an earlier platform left running. Then actors can be called.
  kj::Promise<void> open();

  // Serves the HTTP port, and the operator's socket.
  kj::Promise<void> serve();

  // The address that is served, "127.0.0.1:8787"; known once listen() has resolved.
  const std::string& httpAddress() const { return httpAddress_; }

  // The fleet as a client of this process sees it.
  schema::Fleet::Client fleet();

  // Stops every instance within its grace, then the shim; nothing of them is left.
  kj::Promise<void> stopEverything();
  // The same at once, with SIGKILL.
  kj::Promise<void> killEverything();
  // Leaves instances and shim running, for the next platform; what was kept ready for new ones goes.
  kj::Promise<void> leaveRunning();

  // Resolves when an operator has asked for `down`, after everything has stopped.
  kj::Promise<void> whenDown() { return down_.addBranch(); }

  // Rejected when a store has stopped for good: the platform can do nothing more. To be called once.
  kj::Promise<void> whenBroken();

  kj::AsyncIoContext& io() { return loop_.io(); }
  env::Clock& clock() { return loop_.clock(); }
  actor::Host& serverHost() { return server_.host(); }

 private:
  kj::Promise<void> openGateway();
  fleet::Platform fleetPlatform();

  const StateFolder& state_;
  PlatformOptions options_;
  actor::ActorSystem system_;
  actor::ShardLoop loop_;
  SpareMemory spareMemory_;
  Random random_;
  kj::Own<kj::PromiseFulfiller<void>> downFulfiller_;
  kj::ForkedPromise<void> down_;

  image::ImageStore images_;
  container::WorkerThreads imageWorker_;
  container::NativeDriver driver_;
  rpc::Vat driverVat_;

  kj::Own<env::Store> serverStore_;
  kj::Own<env::Store> agentStore_;
  ServerRole server_;
  AgentRole agent_;
  rpc::Vat gatewayVat_;
  rpc::Vat clientVat_;                       // of this process's own calls

  rpc::Peer driverToAgent_;
  rpc::Peer gatewayToServer_;
  rpc::Peer clientToServer_;
  http::Gateway gateway_;
  kj::Maybe<kj::Own<OperatorSocket>> operatorSocket_;
  // One for all who ask: the shim that has begun to end answers nobody who comes later.
  kj::Maybe<kj::ForkedPromise<void>> shutdown_;
  kj::Own<kj::ConnectionReceiver> receiver_;   // until it is served
  std::string httpAddress_;
  kj::Promise<void> serving_ = nullptr;
};

}  // namespace meridian::platform
