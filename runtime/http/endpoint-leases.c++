#include "runtime/http/endpoint-leases.h"

#include <arpa/inet.h>
#include <kj/debug.h>
#include <netinet/in.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace meridian::http {

namespace {

// A lease counts from the supervisor's answer, which was on its way for a while: a tenth of it is left unused.
Duration afterTransit(Duration lease) { return lease - lease / 10; }

// Only a literal address: a name would be looked up, and what it means could change under a lease.
kj::Own<kj::NetworkAddress> addressOf(kj::Network& network, kj::StringPtr host, uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.cStr(), &v4.sin_addr) == 1) return network.getSockaddr(&v4, sizeof(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  KJ_REQUIRE(inet_pton(AF_INET6, host.cStr(), &v6.sin6_addr) == 1, "an endpoint's host is an IP address", host);
  return network.getSockaddr(&v6, sizeof(v6));
}

Problem supervisorAway(const ContainerId& container) {
  return {.status = 503,
          .code = "retry",
          .message = "the supervisor of " + toText(container) + " is away; try again",
          .retryAfter = std::chrono::seconds(1),
          .container = container};
}

Problem overloaded(const ContainerId& container, std::string message) {
  return {.status = 503,
          .code = "overloaded",
          .message = std::move(message),
          .retryAfter = std::chrono::seconds(1),
          .container = container};
}

Problem supervisorFailed(const ContainerId& container) {
  return {.status = 500,
          .code = "internal",
          .message = "the supervisor of " + toText(container) + " failed",
          .container = container};
}

Problem waitedTooLong(const ContainerId& container) {
  return {.status = 504,
          .code = "lease-timeout",
          .message = "the supervisor of " + toText(container) + " has not answered",
          .container = container};
}

}  // namespace

// What a lease() came to, for all who wait for it: an endpoint in the entry, or a problem.
struct EndpointLeases::Answer: public kj::Refcounted {
  kj::Maybe<Problem> problem;

  explicit Answer(kj::Maybe<Problem> problem): problem(kj::mv(problem)) {}
  kj::Own<Answer> addRef() { return kj::addRef(*this); }
};

// =======================================================================================
// EndpointUse

EndpointUse::EndpointUse(EndpointLeases& leases, kj::Own<Endpoint> endpoint)
    : leases_(leases), endpoint_(kj::mv(endpoint)) {
  leases_.begin(*endpoint_);
}

EndpointUse::~EndpointUse() noexcept(false) { leases_.end(*endpoint_); }

void EndpointUse::touch() { leases_.mark(*endpoint_); }

kj::Maybe<kj::Own<Upstream>> EndpointUse::takeIdle(Duration maxIdle) {
  return endpoint_->idle.take(leases_.clock_.monotonic(), maxIdle);
}

kj::Promise<kj::Own<Upstream>> EndpointUse::connect() {
  auto connected = kj::evalNow([&]() {
                     return endpoint_->address->connect();
                   }).then([](kj::Own<kj::AsyncIoStream> stream) { return kj::heap<Upstream>(kj::mv(stream)); });
  auto timeout = leases_.clock_.after(leases_.limits_.connectTimeout).then([]() -> kj::Own<Upstream> {
    kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "the container does not accept connections"));
  });
  return connected.exclusiveJoin(kj::mv(timeout));
}

void EndpointUse::giveBack(kj::Own<Upstream> upstream) {
  if (endpoint_->standing != Endpoint::Standing::LEASED) return;
  endpoint_->idle.put(kj::mv(upstream), leases_.clock_.monotonic(), leases_.limits_.idleUpstreamsMax);
}

void EndpointUse::unreachable() {
  if (endpoint_->standing == Endpoint::Standing::LEASED) leases_.invalidate(*endpoint_, Endpoint::Standing::ASK_AGAIN);
}

// =======================================================================================
// EndpointLeases

EndpointLeases::EndpointLeases(GatewayId gateway, SupervisorOf supervisorOf, env::Clock& clock, kj::Network& network,
                               const Limits& limits)
    : gateway_(kj::mv(gateway)),
      supervisorOf_(kj::mv(supervisorOf)),
      clock_(clock),
      network_(network),
      limits_(limits),
      tasks_(*this) {}

EndpointLeases::~EndpointLeases() noexcept(false) = default;

kj::Maybe<kj::Own<EndpointUse>> EndpointLeases::tryUse(const ContainerId& container) {
  auto found = entries_.find(container);
  if (found == entries_.end()) return nullptr;
  KJ_IF_MAYBE(endpoint, found->second.current) {
    bool live = (*endpoint)->standing == Endpoint::Standing::LEASED && clock_.monotonic() < (*endpoint)->end;
    if (live) return kj::heap<EndpointUse>(*this, (*endpoint)->addRef());
  }
  return nullptr;
}

kj::Promise<EndpointLeases::Outcome> EndpointLeases::use(const ContainerId& container) {
  KJ_IF_MAYBE(use, tryUse(container)) return Outcome{kj::mv(*use), nullptr};

  auto& entry = entries_[container];
  startSweeping();
  if (entry.waiters >= limits_.leaseWaitersMax) {
    return Outcome{nullptr, kj::heap(overloaded(container, "too many requests wait for " + toText(container)))};
  }
  if (entry.answered) {
    entry.answered = false;
    auto timeout = clock_.after(limits_.leaseWaitMax).then([this, container]() {
      entries_[container].answered = true;
      return kj::refcounted<Answer>(waitedTooLong(container));
    });
    entry.asking = ask(container, 1).exclusiveJoin(kj::mv(timeout)).fork();
  }
  ++entry.waiters;
  return KJ_ASSERT_NONNULL(entry.asking)
      .addBranch()
      .attach(kj::defer([&entry]() { --entry.waiters; }))
      .then(
          [this, container](kj::Own<Answer> answer) -> kj::Promise<Outcome> {
            KJ_IF_MAYBE(problem, answer->problem) return Outcome{nullptr, kj::heap(Problem(*problem))};
            return use(container);  // the endpoint, or the next one when this was recalled meanwhile
          },
          [container](kj::Exception&& exception) -> kj::Promise<Outcome> {
            KJ_LOG(ERROR, "lease-unusable", toText(container).c_str(), exception);
            return Outcome{nullptr, kj::heap(supervisorFailed(container))};
          });
}

kj::Promise<kj::Own<EndpointLeases::Answer>> EndpointLeases::ask(const ContainerId& container, int tries) {
  auto request = supervisorOf_(container).leaseRequest();
  request.setGateway(gateway_.value().c_str());
  return request.send().then(
      [this, container,
       tries](capnp::Response<schema::Supervisor::LeaseResults>&& response) -> kj::Promise<kj::Own<Answer>> {
        auto outcome = response.getOutcome();
        auto& entry = entries_[container];
        if (outcome.isEndpoint()) {
          bool recalled = Generation(outcome.getEndpoint().getGeneration()) <= entry.recalled;
          if (recalled) return askAgain(container, tries);
          return install(container, outcome.getEndpoint());
        }
        entry.answered = true;
        return kj::refcounted<Answer>(problemOf(outcome.getFailed(), container));
      },
      [this, container, tries](kj::Exception&& exception) -> kj::Promise<kj::Own<Answer>> {
        if (exception.getType() == kj::Exception::Type::DISCONNECTED) return askAgain(container, tries);
        entries_[container].answered = true;
        if (exception.getType() == kj::Exception::Type::OVERLOADED) {
          return kj::refcounted<Answer>(
              overloaded(container, "the supervisor of " + toText(container) + " is overloaded"));
        }
        KJ_LOG(ERROR, "lease-failed", toText(container).c_str(), exception);
        return kj::refcounted<Answer>(supervisorFailed(container));
      });
}

kj::Promise<kj::Own<EndpointLeases::Answer>> EndpointLeases::askAgain(const ContainerId& container, int tries) {
  if (tries >= limits_.leaseTriesMax) {
    entries_[container].answered = true;
    return kj::refcounted<Answer>(supervisorAway(container));
  }
  return clock_.after(limits_.leaseBackoff * (1 << (tries - 1))).then([this, container, tries]() {
    return ask(container, tries + 1);
  });
}

kj::Own<EndpointLeases::Answer> EndpointLeases::install(const ContainerId& container, schema::Endpoint::Reader reader) {
  auto& entry = entries_[container];
  entry.answered = true;
  auto now = clock_.monotonic();
  auto endpoint = findOrMake(entry, container, reader);
  endpoint->standing = Endpoint::Standing::LEASED;
  endpoint->leaseLength = std::chrono::milliseconds(reader.getLeaseMs());
  endpoint->end = now + afterTransit(endpoint->leaseLength);
  endpoint->lastReport = endpoint->lastByte = now;
  entry.current = kj::mv(endpoint);
  return kj::refcounted<Answer>(nullptr);
}

kj::Own<Endpoint> EndpointLeases::findOrMake(Entry& entry, const ContainerId& container,
                                             schema::Endpoint::Reader reader) {
  Generation generation(reader.getGeneration());
  KJ_IF_MAYBE(current, entry.current) {
    if ((*current)->generation == generation) return kj::mv(*current);
    retire(entry);
  }
  auto endpoint = kj::refcounted<Endpoint>();
  endpoint->container = container;
  endpoint->generation = generation;
  endpoint->address = addressOf(network_, reader.getHost(), reader.getPort());
  return endpoint;
}

// The current endpoint takes no new uses; it is remembered while it has some.
void EndpointLeases::retire(Entry& entry) {
  KJ_IF_MAYBE(current, entry.current) {
    (*current)->idle.clear();
    if ((*current)->inFlight > 0) entry.past.push_back(kj::mv(*current));
  }
  entry.current = nullptr;
}

kj::Promise<void> EndpointLeases::recall(const ContainerId& container, Generation generation) {
  auto found = entries_.find(container);
  if (found == entries_.end()) return kj::READY_NOW;
  auto& entry = found->second;
  entry.recalled = std::max(entry.recalled, generation);
  KJ_IF_MAYBE(current, entry.current) {
    if ((*current)->generation <= generation) invalidate(**current, Endpoint::Standing::RECALLED);
  }
  kj::Vector<kj::Promise<void>> uses;
  for (auto& endpoint: entry.past) {
    if (endpoint->generation > generation) continue;
    endpoint->standing = Endpoint::Standing::RECALLED;
    auto paf = kj::newPromiseAndFulfiller<void>();
    endpoint->drained.push_back(kj::mv(paf.fulfiller));
    uses.add(kj::mv(paf.promise));
  }
  return kj::joinPromises(uses.releaseAsArray());
}

void EndpointLeases::invalidate(Endpoint& endpoint, Endpoint::Standing standing) {
  endpoint.standing = standing;
  endpoint.idle.clear();
  if (standing != Endpoint::Standing::RECALLED) return;
  auto& entry = entries_[endpoint.container];
  KJ_IF_MAYBE(current, entry.current) {
    if (current->get() == &endpoint) retire(entry);
  }
}

void EndpointLeases::begin(Endpoint& endpoint) {
  bool wakes = endpoint.inFlight++ == 0;
  mark(endpoint);
  // The supervisor may be about to find it idle: it hears at once, unless it has just heard.
  if (wakes) reportIfDue(endpoint);
}

void EndpointLeases::end(Endpoint& endpoint) {
  check(endpoint.inFlight > 0, "a use ends once");
  mark(endpoint);
  if (--endpoint.inFlight > 0) return;
  for (auto& fulfiller: endpoint.drained) fulfiller->fulfill();
  endpoint.drained.clear();
  auto found = entries_.find(endpoint.container);
  if (found == entries_.end()) return;
  auto& past = found->second.past;
  past.erase(std::remove_if(past.begin(), past.end(), [&](auto& each) { return each.get() == &endpoint; }), past.end());
}

void EndpointLeases::mark(Endpoint& endpoint) {
  endpoint.lastByte = clock_.monotonic();
  endpoint.moved = true;
}

void EndpointLeases::reportIfDue(Endpoint& endpoint) {
  bool active = endpoint.inFlight > 0 || endpoint.moved || endpoint.reportedInFlight > 0;
  bool due = clock_.monotonic() - endpoint.lastReport >= limits_.reportInterval;
  if (active && due && !endpoint.reporting && endpoint.standing != Endpoint::Standing::RECALLED) report(endpoint);
}

void EndpointLeases::report(Endpoint& endpoint) {
  auto now = clock_.monotonic();
  auto request = supervisorOf_(endpoint.container).reportRequest();
  request.setGateway(gateway_.value().c_str());
  request.setGeneration(endpoint.generation.value());
  request.setInFlight(endpoint.inFlight);
  request.setIdleMs(toMs(now - endpoint.lastByte));
  endpoint.reporting = true;
  endpoint.lastReport = now;
  endpoint.reportedInFlight = endpoint.inFlight;
  endpoint.moved = false;
  tasks_.add(request.send().then(
      [this, now, endpoint = endpoint.addRef()](capnp::Response<schema::Supervisor::ReportResults>&& response) mutable {
        endpoint->reporting = false;
        if (response.getValid()) {
          endpoint->end = std::max(endpoint->end, now + endpoint->leaseLength);
        } else if (endpoint->standing != Endpoint::Standing::RECALLED) {
          invalidate(*endpoint, Endpoint::Standing::RECALLED);
        }
      },
      [endpoint = endpoint.addRef()](kj::Exception&&) mutable {
        // The supervisor's process is away. The lease lives on to its end; what this report said is said with the next.
        endpoint->reporting = false;
        endpoint->moved = true;
      }));
}

void EndpointLeases::startSweeping() {
  if (sweeping_) return;
  sweeping_ = true;
  tasks_.add(sweep());
}

kj::Promise<void> EndpointLeases::sweep() {
  return clock_.after(limits_.reportInterval).then([this]() -> kj::Promise<void> {
    auto now = clock_.monotonic();
    for (auto each = entries_.begin(); each != entries_.end();) {
      auto& entry = each->second;
      sweepEntry(entry, now);
      bool empty = entry.current == nullptr && entry.past.empty() && entry.answered && entry.waiters == 0;
      each = empty ? entries_.erase(each) : std::next(each);
    }
    sweeping_ = !entries_.empty();
    return sweeping_ ? sweep() : kj::Promise<void>(kj::READY_NOW);
  });
}

void EndpointLeases::sweepEntry(Entry& entry, Duration now) {
  for (auto& endpoint: entry.past) reportIfDue(*endpoint);
  KJ_IF_MAYBE(current, entry.current) {
    auto& endpoint = **current;
    reportIfDue(endpoint);
    endpoint.idle.dropIdle(now, limits_.upstreamIdleTimeout);
    bool over = endpoint.standing != Endpoint::Standing::LEASED || now >= endpoint.end;
    if (over && endpoint.inFlight == 0) retire(entry);
  }
}

void EndpointLeases::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "gateway-task-failed", exception); }

}  // namespace meridian::http
