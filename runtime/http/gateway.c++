#include "runtime/http/gateway.h"

#include <arpa/inet.h>
#include <kj/debug.h>
#include <netinet/in.h>

#include "runtime/actor/vocabulary.h"

namespace meridian::http {

namespace {

constexpr int CONNECT_TRIES_MAX = 8;
constexpr Duration CONNECT_BACKOFF = 50ms;  // doubling
constexpr Duration ACCEPT_BACKOFF = 100ms;  // when the process is out of descriptors

// Runs `call` until it is not DISCONNECTED: the reference stays good while the actor's process comes back.
kj::Promise<void> persist(env::Clock& clock, kj::Function<kj::Promise<void>()> call, int tries = 1) {
  auto attempt = call();
  return attempt.catch_([&clock, call = kj::mv(call), tries](kj::Exception&& exception) mutable -> kj::Promise<void> {
    bool again = exception.getType() == kj::Exception::Type::DISCONNECTED && tries < CONNECT_TRIES_MAX;
    if (!again) return kj::mv(exception);
    return clock.after(CONNECT_BACKOFF * (1 << (tries - 1))).then([&clock, call = kj::mv(call), tries]() mutable {
      return persist(clock, kj::mv(call), tries + 1);
    });
  });
}

// Without its port; "unknown" for what is no IP socket.
std::string peerOf(kj::AsyncIoStream& stream) {
  sockaddr_storage address{};
  uint length = sizeof(address);
  stream.getpeername(reinterpret_cast<sockaddr*>(&address), &length);
  char text[INET6_ADDRSTRLEN] = "unknown";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(address).sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof(text));
    } else {
      inet_ntop(AF_INET6, &v6, text, sizeof(text));
    }
  }
  return text;
}

}  // namespace

class Gateway::Server final: public schema::Gateway::Server {
 public:
  explicit Server(Gateway& gateway): gateway_(gateway) {}

  kj::Promise<void> recall(RecallContext context) override {
    auto key = actor::read(context.getParams().getKey());
    return gateway_.leases_.recall(key.container, key.generation);
  }

  kj::Promise<void> routes(RoutesContext context) override {
    gateway_.install(context.getParams().getTable());
    return kj::READY_NOW;
  }

 private:
  Gateway& gateway_;
};

Gateway::Gateway(GatewayId name, EndpointLeases::SupervisorOf supervisorOf, env::Clock& clock, kj::Network& network,
                 Limits limits)
    : name_(name),
      clock_(clock),
      limits_(limits),
      leases_(name, kj::mv(supervisorOf), clock, network, limits_),
      context_{leases_, clock_, limits_, counters_} {}

Gateway::~Gateway() noexcept(false) = default;

// =======================================================================================
// Control

schema::Gateway::Client Gateway::capability() { return kj::heap<Server>(*this); }

kj::Promise<void> Gateway::connect(schema::GlobalScheduler::Client global, ApplicationOf applicationOf) {
  return persist(clock_, [this, global, applicationOf = kj::mv(applicationOf)]() mutable {
    auto request = global.addGatewayRequest();
    request.setGateway(name_.value().c_str());
    return request.send().then(
        [this, &applicationOf](capnp::Response<schema::GlobalScheduler::AddGatewayResults>&& response) {
          kj::Vector<kj::Promise<void>> fetched;
          for (auto name: response.getApplications()) fetched.add(fetchRoutes(applicationOf(name)));
          return kj::joinPromises(fetched.releaseAsArray());
        });
  });
}

kj::Promise<void> Gateway::fetchRoutes(schema::Application::Client application) {
  return application.routesRequest().send().then(
      [this](capnp::Response<schema::Application::RoutesResults>&& response) { install(response.getTable()); });
}

void Gateway::install(schema::RouteTable::Reader table) {
  std::vector<Route> routes;
  for (auto route: table.getRoutes())
    routes.push_back({route.getPath().cStr(), ClassName(route.getClassName().cStr())});
  routes_.replace(table.getApplication().cStr(), table.getVersion(), routes);
}

// =======================================================================================
// Clients

kj::Promise<void> Gateway::serve(kj::Own<kj::ConnectionReceiver> receiver) {
  auto connections = kj::heap<kj::TaskSet>(*this);
  auto accepting = acceptAll(*receiver, *connections);
  return accepting.attach(kj::mv(connections), kj::mv(receiver));
}

kj::Promise<void> Gateway::acceptAll(kj::ConnectionReceiver& receiver, kj::TaskSet& connections) {
  auto accepted = kj::evalNow([&]() { return receiver.accept(); })
                      .then(
                          [this, &connections](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<void> {
                            auto peer = peerOf(*stream);
                            connections.add(serve(kj::mv(stream), std::move(peer)));
                            return kj::READY_NOW;
                          },
                          [this](kj::Exception&& exception) {
                            KJ_LOG(WARNING, "accept-failed", exception);
                            return clock_.after(ACCEPT_BACKOFF);
                          });
  return accepted.then([this, &receiver, &connections]() { return acceptAll(receiver, connections); });
}

kj::Promise<void> Gateway::serve(kj::Own<kj::AsyncIoStream> stream, std::string peer) {
  ++counters_.connections;
  auto connection = kj::heap<ClientConnection>(kj::mv(stream), std::move(peer), routes_, context_);
  bool full = openConnections_ >= limits_.connectionsMax;
  auto served = full ? connection->turnAway(
                           {.status = 503, .code = "overloaded", .message = "too many connections", .retryAfter = 1s})
                     : connection->serve();
  ++openConnections_;
  return served.attach(kj::mv(connection), kj::defer([this]() { --openConnections_; }));
}

void Gateway::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "connection-failed", exception); }

}  // namespace meridian::http
