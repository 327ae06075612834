// A gateway on real loopback sockets between hand-written clients and containers, with supervisors that answer as a
// test says and a clock that is moved by hand. For tests only.
#pragma once

#include <kj/async-io.h>
#include <kj/debug.h>

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/http/gateway.h"
#include "runtime/http/manual-clock.h"

namespace meridian::http {

// One end of a connection in a test's hand. Every wait fails the test after ten real seconds instead of hanging.
class Peer {
 public:
  Peer(kj::AsyncIoContext& io, kj::Own<kj::AsyncIoStream> stream): io_(io), stream_(kj::mv(stream)) {}

  void send(std::string_view bytes) { await(stream_->write(bytes.data(), bytes.size())); }

  // Reads until `text` has come, and returns all up to its end. Bytes after it are kept for the next call.
  std::string receiveUntil(std::string_view text) {
    for (;;) {
      auto found = received_.find(text);
      if (found != std::string::npos) return take(found + text.size());
      INFO("received so far: " << received_);
      REQUIRE(read() > 0);
    }
  }

  std::string receiveHead() { return receiveUntil("\r\n\r\n"); }

  std::string receive(size_t count) {
    while (received_.size() < count) REQUIRE(read() > 0);
    return take(count);
  }

  // All that comes until the other side ends, or resets.
  std::string receiveAll() {
    while (read() > 0) {
    }
    return take(received_.size());
  }

  // A response with a Content-Length, or a head alone.
  std::string receiveResponse() {
    auto head = receiveHead();
    auto field = head.find("Content-Length: ");
    return field == std::string::npos ? head : head + receive(std::stoul(head.substr(field + 16)));
  }

  void endSending() { stream_->shutdownWrite(); }
  void close() { stream_ = nullptr; }
  kj::AsyncIoStream& stream() { return *stream_; }

 private:
  template <typename T>
  T await(kj::Promise<T> promise) {
    auto timeout = io_.provider->getTimer().afterDelay(10 * kj::SECONDS).then([]() -> kj::Promise<T> {
      kj::throwFatalException(KJ_EXCEPTION(FAILED, "the other side did nothing for ten seconds"));
    });
    return promise.exclusiveJoin(kj::mv(timeout)).wait(io_.waitScope);
  }

  size_t read() {
    char buffer[16 << 10];
    auto reading = kj::evalNow([&]() {
                     return stream_->tryRead(buffer, 1, sizeof(buffer));
                   }).catch_([](kj::Exception&&) -> size_t { return 0; });
    auto count = await(kj::mv(reading));
    received_.append(buffer, count);
    return count;
  }

  std::string take(size_t count) {
    auto taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  kj::AsyncIoContext& io_;
  kj::Own<kj::AsyncIoStream> stream_;
  std::string received_;
};

// A container: a listening loopback socket. A test accepts and speaks by hand.
class FakeContainer {
 public:
  explicit FakeContainer(kj::AsyncIoContext& io): io_(io) {
    receiver_ = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope)->listen();
    acceptNext();
  }

  uint16_t port() { return receiver_->getPort(); }

  // Connections so far, accepted by a test or not.
  size_t connections() const { return connections_; }

  Peer accept() {
    if (waiting_.empty()) {
      auto paf = kj::newPromiseAndFulfiller<void>();
      arrival_ = kj::mv(paf.fulfiller);
      paf.promise.exclusiveJoin(io_.provider->getTimer().afterDelay(10 * kj::SECONDS)).wait(io_.waitScope);
      arrival_ = nullptr;
    }
    REQUIRE(!waiting_.empty());
    auto stream = kj::mv(waiting_.front());
    waiting_.pop_front();
    return Peer(io_, kj::mv(stream));
  }

 private:
  void acceptNext() {
    accepting_ = receiver_->accept()
                     .then([this](kj::Own<kj::AsyncIoStream> stream) {
                       ++connections_;
                       waiting_.push_back(kj::mv(stream));
                       KJ_IF_MAYBE(arrival, arrival_) (*arrival)->fulfill();
                       next_ = kj::evalLater([this]() { acceptNext(); }).eagerlyEvaluate(nullptr);
                     })
                     .eagerlyEvaluate(nullptr);
  }

  kj::AsyncIoContext& io_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  size_t connections_ = 0;
  std::deque<kj::Own<kj::AsyncIoStream>> waiting_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> arrival_;
  kj::Promise<void> accepting_ = nullptr;
  kj::Promise<void> next_ = nullptr;
};

// What one lease() is answered.
struct LeaseAnswer {
  uint64_t generation = 1;
  uint16_t port = 0;
  uint64_t leaseMs = 30'000;
  std::string host = "127.0.0.1";
  std::string failure = {};  // the code; then no endpoint
  uint64_t retryAfterMs = 0;
  schema::StopReason reason = schema::StopReason::NONE;
  int32_t exitCode = -1;
};

struct ReportSeen {
  std::string id;
  uint64_t generation;
  uint32_t inFlight;
  uint64_t idleMs;
};

// All supervisors of a test, in one.
class FakeSupervisors {
 public:
  // Answers every lease() from now on.
  void answer(LeaseAnswer answer) { standing_ = answer; }

  // Holds lease() calls until release().
  void hold() {
    auto paf = kj::newPromiseAndFulfiller<void>();
    gate_ = paf.promise.fork();
    held_ = kj::mv(paf.fulfiller);
  }
  void release() {
    KJ_ASSERT_NONNULL(held_)->fulfill();
    held_ = nullptr;
  }

  // The next calls of lease() fail with this type.
  void failNext(int count, kj::Exception::Type type) {
    failures_ = count;
    failureType_ = type;
  }

  int leases = 0;
  std::vector<ReportSeen> reports;
  bool reportsValid = true;

  schema::Supervisor::Client of(const ContainerId& container) { return kj::heap<Server>(*this, container.id); }

 private:
  class Server final: public schema::Supervisor::Server {
   public:
    Server(FakeSupervisors& all, std::string id): all_(all), id_(std::move(id)) {}

    kj::Promise<void> lease(LeaseContext context) override {
      CHECK(context.getParams().getGateway() == "g1");
      ++all_.leases;
      if (all_.failures_ > 0) {
        --all_.failures_;
        return kj::Exception(all_.failureType_, __FILE__, __LINE__, kj::str("as the test says"));
      }
      if (all_.held_ == nullptr) return write(context);
      return all_.gate_.addBranch().then([this, context]() mutable { return write(context); });
    }

    kj::Promise<void> report(ReportContext context) override {
      auto params = context.getParams();
      all_.reports.push_back({id_, params.getGeneration(), params.getInFlight(), params.getIdleMs()});
      context.getResults().setValid(all_.reportsValid);
      return kj::READY_NOW;
    }

   private:
    kj::Promise<void> write(LeaseContext& context) {
      auto outcome = context.getResults().initOutcome();
      const auto& answer = all_.standing_;
      if (answer.failure.empty()) {
        auto endpoint = outcome.initEndpoint();
        endpoint.setGeneration(answer.generation);
        endpoint.setHost(answer.host.c_str());
        endpoint.setPort(answer.port);
        endpoint.setLeaseMs(answer.leaseMs);
        return kj::READY_NOW;
      }
      auto failure = outcome.initFailed();
      failure.setCode(answer.failure.c_str());
      failure.setMessage("as the test says");
      failure.setRetryAfterMs(answer.retryAfterMs);
      failure.initExit().setReason(answer.reason);
      failure.getExit().setCode(answer.exitCode);
      return kj::READY_NOW;
    }

    FakeSupervisors& all_;
    std::string id_;
  };

  LeaseAnswer standing_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> held_;
  kj::ForkedPromise<void> gate_ = kj::Promise<void>(kj::READY_NOW).fork();
  int failures_ = 0;
  kj::Exception::Type failureType_ = kj::Exception::Type::FAILED;
};

// One gateway with the route /sandbox/:id/* and everything around it.
struct World {
  explicit World(Limits limits = {})
      : container(io),
        gateway(
            GatewayId("g1"), [this](const ContainerId& id) { return supervisors.of(id); }, clock,
            io.provider->getNetwork(), limits) {
    supervisors.answer({.port = container.port()});
    installRoutes("shop", 1, {{"/sandbox/:id/*", "Sandbox"}});
    auto receiver = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope)->listen();
    port = receiver->getPort();
    serving = gateway.serve(kj::mv(receiver)).eagerlyEvaluate(nullptr);
  }

  void installRoutes(const char* application, uint32_t version,
                     std::vector<std::pair<const char*, const char*>> routes) {
    auto request = capability.routesRequest();
    auto table = request.initTable();
    table.setApplication(application);
    table.setVersion(version);
    auto list = table.initRoutes(routes.size());
    for (size_t i = 0; i < routes.size(); ++i) {
      list[i].setPath(routes[i].first);
      list[i].setClassName(routes[i].second);
    }
    request.send().wait(io.waitScope);
  }

  Peer connect() {
    auto address = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope);
    return Peer(io, address->connect().wait(io.waitScope));
  }

  kj::Promise<void> recall(const char* id, uint64_t generation) {
    auto request = capability.recallRequest();
    auto key = request.initKey();
    key.setGeneration(generation);
    key.initContainer().setClassName("Sandbox");
    key.getContainer().setId(id);
    return request.send().ignoreResult();
  }

  // Runs everything that can run without the outside; sockets included, as far as the kernel has delivered.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      io.waitScope.poll();
      kj::evalLast([]() {}).wait(io.waitScope);
    }
  }

  // Moves the clock, a little after what is already under way.
  void advance(Duration delay) {
    settle();
    clock.advance(delay);
    settle();
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  ManualClock clock;
  FakeSupervisors supervisors;
  FakeContainer container;
  Gateway gateway;
  schema::Gateway::Client capability = gateway.capability();
  uint16_t port;
  kj::Promise<void> serving = nullptr;
};

// What tests of the gateway say again and again.
inline const std::string GET = "GET /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string HEAD = "HEAD /sandbox/alice HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string POST = "POST /sandbox/alice HTTP/1.1\r\nHost: a\r\n";
inline const std::string CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
inline const std::string OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline bool isReady(kj::Promise<void>& promise, World& world) {
  world.settle();
  return promise.poll(world.io.waitScope);
}

// One request of `client`, answered by `container`.
inline void exchange(Peer& client, Peer& container) {
  client.send(GET);
  container.receiveHead();
  container.send(OK);
  CHECK(client.receiveResponse() == OK);
}

}  // namespace meridian::http
