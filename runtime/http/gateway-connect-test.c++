// How a gateway learns of routes: at its first connect, and from the applications later.
#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

TEST_CASE("routes() replaces a table for the requests that follow") {
  World world;
  auto client = world.connect();
  world.installRoutes("shop", 2, {{"/box/:id", "Box"}});
  world.installRoutes("shop", 1, {{"/old/:id", "Old"}});
  client.send(GET);
  CHECK(has(client.receiveResponse(), "no-route"));
  client.send("GET /box/bob HTTP/1.1\r\nHost: a\r\n\r\n");
  world.container.accept().receiveHead();
}

class FakeGlobal final: public schema::GlobalScheduler::Server {
 public:
  explicit FakeGlobal(int& calls): calls_(calls) {}
  kj::Promise<void> addGateway(AddGatewayContext context) override {
    if (++calls_ == 1) return KJ_EXCEPTION(DISCONNECTED, "not yet");
    CHECK(context.getParams().getGateway() == "g1");
    auto names = context.getResults().initApplications(2);
    names.set(0, "one");
    names.set(1, "two");
    return kj::READY_NOW;
  }

 private:
  int& calls_;
};

class FakeApplication final: public schema::Application::Server {
 public:
  explicit FakeApplication(kj::StringPtr name): name_(kj::str(name)) {}
  kj::Promise<void> routes(RoutesContext context) override {
    auto table = context.getResults().initTable();
    table.setApplication(name_);
    table.setVersion(1);
    auto route = table.initRoutes(1)[0];
    route.setPath(kj::str("/", name_, "/:id/*"));
    route.setClassName(kj::str("Class-", name_));
    return kj::READY_NOW;
  }

 private:
  kj::String name_;
};

TEST_CASE("at connect a gateway makes itself known and gets the routes of all applications") {
  World world;
  int calls = 0;
  auto connected = world.gateway.connect(
      kj::heap<FakeGlobal>(calls),
      [](kj::StringPtr name) -> schema::Application::Client { return kj::heap<FakeApplication>(name); });
  CHECK_FALSE(isReady(connected, world));
  world.advance(50ms);
  connected.wait(world.io.waitScope);
  auto client = world.connect();
  client.send("GET /one/x HTTP/1.1\r\nHost: a\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
  client.send("GET /two/x HTTP/1.1\r\nHost: a\r\n\r\n");
  world.container.accept().receiveHead();
}

}  // namespace
}  // namespace meridian::http
