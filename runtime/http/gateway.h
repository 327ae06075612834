// Gateway: takes HTTP requests from clients and passes each to the instance of its ID. It asks actors only where that
// is and otherwise moves bytes; what it knows (routes and endpoint leases) it may lose at any time.
//
// Everything is on the loop of `network` and `clock`. What is given to the constructor outlives the gateway; the
// gateway outlives the capability it hands out and the promises of serve().
#pragma once

#include <kj/async-io.h>

#include "runtime/http/client-connection.h"
#include "schema/application.capnp.h"
#include "schema/gateway.capnp.h"
#include "schema/global.capnp.h"

namespace meridian::http {

class Gateway final: public kj::TaskSet::ErrorHandler {
 public:
  Gateway(GatewayId name, EndpointLeases::SupervisorOf supervisorOf, env::Clock& clock, kj::Network& network,
          Limits limits = {});
  ~Gateway() noexcept(false);

  using ApplicationOf = kj::Function<schema::Application::Client(kj::StringPtr name)>;

  // Makes itself known to the global scheduler and fetches the routes of all applications there are; those of later
  // ones come by routes(). Serve after this has resolved. Rejected when an actor stays away over some tries.
  kj::Promise<void> connect(schema::GlobalScheduler::Client global, ApplicationOf applicationOf);

  // How the platform speaks to this gateway.
  schema::Gateway::Client capability();

  // Accepts clients until the promise is dropped, and with it their connections.
  kj::Promise<void> serve(kj::Own<kj::ConnectionReceiver> receiver);

  // Serves one client. `peer` is its address without the port.
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> stream, std::string peer);

  const Counters& counters() const { return counters_; }

 private:
  class Server;

  kj::Promise<void> acceptAll(kj::ConnectionReceiver& receiver, kj::TaskSet& connections);
  kj::Promise<void> fetchRoutes(schema::Application::Client application);
  void install(schema::RouteTable::Reader table);
  void taskFailed(kj::Exception&& exception) override;

  GatewayId name_;
  env::Clock& clock_;
  Limits limits_;
  Counters counters_;
  RouteTable routes_;
  EndpointLeases leases_;
  ProxyContext context_;
  size_t openConnections_ = 0;
};

}  // namespace meridian::http
