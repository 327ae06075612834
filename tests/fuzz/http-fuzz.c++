// The whole gateway between a client and containers that say whatever the fuzzer likes, over pipes in memory.
//
// An input is `AB<what the client says>\n====\n<what the containers say>`: A and B choose in how small pieces each
// side's bytes come. In what the containers say, 0x1f waits for the next bytes of a request, and 0x1d closes the
// connection; the next one goes on behind it.
//
// What must hold, whatever they say, by the word of a parser that shares no code with the gateway:
//   - containers see only requests that the client validly sent, in order, with the same bodies, none of them forged in
//   part;
//   - the client sees only valid responses, each a container's own with the same status and body, or one of the
//   gateway's;
//   - a body that was cut never looks complete;
//   - when the client has gone, nothing is left in flight.
#include <kj/async-io.h>
#include <kj/debug.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

#include "runtime/http/gateway.h"
#include "runtime/http/manual-clock.h"
#include "tests/fuzz/reference-parser.h"

namespace meridian::fuzz {
namespace {

using namespace std::chrono_literals;

void require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

// Reads everything from a stream into `received`, until it ends.
class Collector {
 public:
  Collector(kj::AsyncInputStream& stream, kj::Function<void()> arrived): stream_(stream), arrived_(kj::mv(arrived)) {
    reading_ = read().eagerlyEvaluate([](kj::Exception&&) {});
  }

  std::string received;
  bool ended = false;

 private:
  kj::Promise<void> read() {
    return stream_.tryRead(buffer_, 1, sizeof(buffer_)).then([this](size_t count) -> kj::Promise<void> {
      ended = count == 0;
      if (ended) return kj::READY_NOW;
      received.append(buffer_, count);
      arrived_();
      return read();
    });
  }

  kj::AsyncInputStream& stream_;
  kj::Function<void()> arrived_;
  char buffer_[4096];
  kj::Promise<void> reading_ = nullptr;
};

// Writes `bytes` in pieces of `step`.
kj::Promise<void> dribble(kj::AsyncOutputStream& stream, std::string_view bytes, size_t step) {
  if (bytes.empty()) return kj::READY_NOW;
  auto piece = bytes.substr(0, step);
  return stream.write(piece.data(), piece.size()).then([&stream, bytes, step, piece]() {
    return dribble(stream, bytes.substr(piece.size()), step);
  });
}

// A pipe's end that remembers when it was set to be reset at its close, which a pipe cannot do.
class ResettableStream final: public kj::AsyncIoStream {
 public:
  ResettableStream(kj::Own<kj::AsyncIoStream> inner, bool& reset): inner_(kj::mv(inner)), reset_(reset) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t minBytes, size_t maxBytes) override {
    return inner_->tryRead(buffer, minBytes, maxBytes);
  }
  kj::Promise<void> write(const void* buffer, size_t size) override { return inner_->write(buffer, size); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void setsockopt(int, int option, const void*, kj::uint) override { reset_ |= option == SO_LINGER; }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
  bool& reset_;
};

// What all containers say, in order of their connections.
struct Script {
  std::string_view rest;
  size_t step;

  // Up to the next mark, which is returned too; 0 at the end.
  std::pair<std::string_view, char> next() {
    auto end = std::min(rest.find_first_of("\x1f\x1d"), rest.size());
    auto text = rest.substr(0, end);
    char mark = end < rest.size() ? rest[end] : 0;
    rest = rest.substr(std::min(end + 1, rest.size()));
    return {text, mark};
  }
};

// One connection to a container.
class ContainerSide {
 public:
  ContainerSide(kj::Own<kj::AsyncIoStream> stream, Script& script)
      : stream_(kj::mv(stream)), script_(script), collector_(*stream_, [this]() { wake(); }) {
    speaking_ = speak().eagerlyEvaluate([](kj::Exception&&) {});
  }

  const std::string& received() const { return collector_.received; }

  std::string said;
  bool closed = false;

 private:
  void wake() {
    KJ_IF_MAYBE(arrival, arrival_) (*arrival)->fulfill();
    arrival_ = nullptr;
  }

  kj::Promise<void> speak() {
    auto paf = kj::newPromiseAndFulfiller<void>();
    arrival_ = kj::mv(paf.fulfiller);
    return paf.promise.then([this]() { return sayPart(); });
  }

  kj::Promise<void> sayPart() {
    auto [text, mark] = script_.next();
    said += text;
    return dribble(*stream_, text, script_.step).then([this, mark = mark]() -> kj::Promise<void> {
      if (mark == 0x1f) return speak();
      if (mark == 0x1d) {
        closed = true;
        stream_->shutdownWrite();
      }
      return kj::READY_NOW;
    });
  }

  kj::Own<kj::AsyncIoStream> stream_;
  Script& script_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> arrival_;
  Collector collector_;
  kj::Promise<void> speaking_ = nullptr;
};

// Each connect() is a pipe to the next container side.
class PipeNetwork final: public kj::Network {
 public:
  explicit PipeNetwork(Script& script): script_(script) {}

  std::deque<ContainerSide> connections;

  kj::Promise<kj::Own<kj::NetworkAddress>> parseAddress(kj::StringPtr, kj::uint) override {
    KJ_UNIMPLEMENTED("not used");
  }
  kj::Own<kj::NetworkAddress> getSockaddr(const void*, kj::uint) override { return kj::heap<Address>(*this); }
  kj::Own<kj::Network> restrictPeers(kj::ArrayPtr<const kj::StringPtr>, kj::ArrayPtr<const kj::StringPtr>) override {
    KJ_UNIMPLEMENTED("not used");
  }

 private:
  class Address final: public kj::NetworkAddress {
   public:
    explicit Address(PipeNetwork& network): network_(network) {}
    kj::Promise<kj::Own<kj::AsyncIoStream>> connect() override {
      auto pipe = kj::newTwoWayPipe();
      network_.connections.emplace_back(kj::mv(pipe.ends[1]), network_.script_);
      return kj::mv(pipe.ends[0]);
    }
    kj::Own<kj::ConnectionReceiver> listen() override { KJ_UNIMPLEMENTED("not used"); }
    kj::Own<kj::NetworkAddress> clone() override { return kj::heap<Address>(network_); }
    kj::String toString() override { return kj::str("pipe"); }

   private:
    PipeNetwork& network_;
  };

  Script& script_;
};

class Supervisor final: public schema::Supervisor::Server {
 public:
  kj::Promise<void> lease(LeaseContext context) override {
    auto endpoint = context.getResults().initOutcome().initEndpoint();
    endpoint.setGeneration(1);
    endpoint.setHost("127.0.0.1");
    endpoint.setPort(1);
    endpoint.setLeaseMs(1'000'000);
    return kj::READY_NOW;
  }
  kj::Promise<void> report(ReportContext context) override {
    context.getResults().setValid(true);
    return kj::READY_NOW;
  }
};

// =======================================================================================
// Judgement

bool isPrefix(const std::string& part, const std::string& whole) { return whole.starts_with(part); }

// The requests of one container's connection.
std::vector<Message> requestsSeen(const std::string& received) {
  auto [requests, rest] = readRequests(received);
  require(mayBeCutHead(rest), "a container sees whole requests, up to one that is cut");
  for (const auto& request: requests) {
    require(request.count("x-forwarded-for") == 1 && request.get("x-forwarded-for") == "peer",
            "a container sees the client's address, once");
    require(request.count("x-forwarded-host") == 1 && request.count("x-forwarded-proto") == 1,
            "a container sees the client's host and protocol");
    require(
        request.count("connection") + request.count("upgrade") + request.count("te") + request.count("keep-alive") == 0,
        "no field of the client's hop passes");
  }
  return requests;
}

void judgeRequests(const std::vector<Message>& sent, const std::vector<std::vector<Message>>& seen) {
  size_t at = 0;
  for (const auto& connection: seen) {
    bool first = true;
    for (const auto& request: connection) {
      auto matches = [&](const Message& each) {
        return each.method() == request.method() && each.target() == request.target() &&
               (request.complete ? each.complete && each.body == request.body : isPrefix(request.body, each.body));
      };
      // A repeated attempt is the first of a new connection and the same as the last request.
      if (first && at > 0 && matches(sent[at - 1])) {
        first = false;
        continue;
      }
      while (at < sent.size() && !matches(sent[at])) ++at;
      require(at < sent.size(), "a container sees only what the client validly sent");
      ++at;
      first = false;
    }
  }
}

bool isOwnAnswer(const Message& response) {
  return response.get("cache-control") == "no-store" && response.get("content-type") == "application/json";
}

void judgeResponses(const std::vector<Message>& received, const std::vector<Message>& said) {
  size_t at = 0;
  for (const auto& response: received) {
    require(response.count("keep-alive") + response.count("upgrade") + response.count("trailer") == 0,
            "no field of the container's hop passes");
    if (isOwnAnswer(response)) continue;
    auto matches = [&](const Message& each) {
      return each.status() == response.status() &&
             (response.complete ? each.complete && each.body == response.body : isPrefix(response.body, each.body));
    };
    while (at < said.size() && !matches(said[at])) ++at;
    require(at < said.size(), "the client sees only what a container validly answered");
    ++at;
  }
}

void run(std::string_view fromClient, size_t clientStep, Script script) {
  kj::EventLoop loop;
  kj::WaitScope waitScope(loop);
  http::ManualClock clock;
  PipeNetwork network(script);
  http::Gateway gateway(
      GatewayId("g1"), [](const ContainerId&) -> schema::Supervisor::Client { return kj::heap<Supervisor>(); }, clock,
      network);
  auto capability = gateway.capability();
  auto routes = capability.routesRequest();
  auto table = routes.initTable();
  table.setApplication("fuzz");
  table.setVersion(1);
  auto route = table.initRoutes(1)[0];
  route.setPath("/s/:id/*");
  route.setClassName("Sandbox");
  routes.send().wait(waitScope);

  auto pipe = kj::newTwoWayPipe();
  bool reset = false;
  auto serving = gateway.serve(kj::heap<ResettableStream>(kj::mv(pipe.ends[0]), reset), "peer")
                     .eagerlyEvaluate([](kj::Exception&&) {});
  auto& client = *pipe.ends[1];
  auto receiving = kj::heap<Collector>(client, []() {});
  auto sending = dribble(client, fromClient, clientStep).eagerlyEvaluate([](kj::Exception&&) {});
  waitScope.poll();
  // Past every time-out, one kind after the other.
  for (auto delay: {60ms, 1'100ms, 11'000ms, 31'000ms, 61'000ms, 80'000ms}) {
    clock.advance(delay);
    waitScope.poll();
  }

  sending = nullptr;
  auto toClient = receiving->received;
  auto clientEnds = receiving->ended && !reset ? Ends::CONNECTION : Ends::SO_FAR;
  receiving = nullptr;
  pipe.ends[1] = nullptr;
  waitScope.poll();

  auto sent = readRequests(fromClient).messages;
  std::vector<std::vector<Message>> seen;
  std::vector<Message> said;
  for (auto& connection: network.connections) {
    seen.push_back(requestsSeen(connection.received()));
    std::vector<std::string> methods;
    for (const auto& request: seen.back()) methods.push_back(request.method());
    auto ends = connection.closed ? Ends::CONNECTION : Ends::SO_FAR;
    for (auto& response: readResponses(connection.said, methods, ends).messages) said.push_back(std::move(response));
  }
  judgeRequests(sent, seen);

  // One more than there were valid requests: an invalid one is answered too, and not as HEAD.
  std::vector<std::string> methods;
  for (const auto& request: sent) methods.push_back(request.method());
  methods.push_back("");
  auto [received, rest] = readResponses(toClient, methods, clientEnds);
  // A refused request that would have been a HEAD is answered with a body, and the connection ends.
  bool refusedHead = !received.empty() && isOwnAnswer(received.back()) && received.back().get("connection") == "close";
  require(mayBeCutHead(rest) || refusedHead, "a client sees whole responses, up to one that is cut");
  judgeResponses(received, said);

  // The client has left: a recall finds nothing in flight.
  for (const auto& request: sent) {
    auto id = request.target().substr(0, 300);
    if (!id.starts_with("/s/")) continue;
    auto recall = capability.recallRequest();
    auto key = recall.initKey();
    key.setGeneration(1);
    key.initContainer().setClassName("Sandbox");
    key.getContainer().setId(id.substr(3, id.find_first_of("/?", 3) - 3));
    auto done = recall.send().ignoreResult();
    require(done.poll(waitScope), "nothing is in flight when the client has gone");
  }
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // Refusals of hostile input are not worth a line each.
  kj::_::Debug::setLogLevel(kj::LogSeverity::FATAL);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > (128 << 10)) return 0;
  constexpr size_t STEPS[] = {1, 2, 3, 7, 16, 64, 1'000, SIZE_MAX};
  constexpr std::string_view SEPARATOR = "\n====\n";
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto middle = std::min(text.find(SEPARATOR), text.size());
  auto containers = text.substr(std::min(middle + SEPARATOR.size(), text.size()));
  meridian::fuzz::run(text.substr(0, middle), STEPS[data[0] % 8], {containers, STEPS[data[1] % 8]});
  return 0;
}
