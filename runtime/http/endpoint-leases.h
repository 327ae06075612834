// EndpointLeases: the gateway's leave to send bytes to instances. While a lease lives, requests for its ID use it
// without asking anyone; otherwise the ID's supervisor is asked once, and all requests for the ID wait for the one
// answer. Activity goes back in reports, at most one in `reportInterval` for an ID, so that the supervisor never sleeps
// a busy instance.
//
//              lease()                     recall, or the last report was not valid
//   (nothing) ---------> leased ----------------------------------------------------> recalled: no new use; answered
//                          |   ^ lease() with the same generation                               when the last use ends
//                          v   |
//                        to be asked again: its end has passed, or the container could not be reached
//
// Everything is on one loop. Uses and promises must not outlive this object.
#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/refcount.h>

#include <map>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/env/clock.h"
#include "runtime/http/gateway-limits.h"
#include "runtime/http/problem.h"
#include "runtime/http/upstream.h"
#include "schema/supervisor.capnp.h"

namespace meridian::http {

class EndpointLeases;

// What is known of one {ID, generation}. Owned by its entry and by the uses of it.
struct Endpoint: public kj::Refcounted {
  enum class Standing { LEASED, ASK_AGAIN, RECALLED };

  ContainerId container;
  Generation generation;
  kj::Own<kj::NetworkAddress> address;
  Standing standing = Standing::LEASED;
  Duration leaseLength{};
  Duration end{};  // monotonic, as all below
  uint32_t inFlight = 0;
  Duration lastByte{};
  bool moved = false;     // since the last report
  Duration lastReport{};  // when the last one was sent; lease() counts as one
  uint32_t reportedInFlight = 0;
  bool reporting = false;  // one is on its way
  IdleUpstreams idle;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> drained;  // recalls that wait for the last use

  kj::Own<Endpoint> addRef() { return kj::addRef(*this); }
};

// One request's use of an endpoint: in flight from construction to destruction.
class EndpointUse {
 public:
  EndpointUse(EndpointLeases& leases, kj::Own<Endpoint> endpoint);
  ~EndpointUse() noexcept(false);
  KJ_DISALLOW_COPY(EndpointUse);

  const ContainerId& container() const { return endpoint_->container; }

  // Bytes have moved.
  void touch();

  // A kept connection, idle for less than `maxIdle`.
  kj::Maybe<kj::Own<Upstream>> takeIdle(Duration maxIdle);

  // A new one. Rejected when the container cannot be reached within the connect time-out.
  kj::Promise<kj::Own<Upstream>> connect();

  // Keeps a connection on which an exchange ended well.
  void giveBack(kj::Own<Upstream> upstream);

  // The container could not be reached: the next request asks the supervisor again.
  void unreachable();

 private:
  EndpointLeases& leases_;
  kj::Own<Endpoint> endpoint_;
};

class EndpointLeases final: public kj::TaskSet::ErrorHandler {
 public:
  using SupervisorOf = kj::Function<schema::Supervisor::Client(const ContainerId&)>;

  EndpointLeases(GatewayId gateway, SupervisorOf supervisorOf, env::Clock& clock, kj::Network& network,
                 const Limits& limits);
  ~EndpointLeases() noexcept(false);

  // Without asking anyone: a use of the present lease, if there is one.
  kj::Maybe<kj::Own<EndpointUse>> tryUse(const ContainerId& container);

  // One of the two.
  struct Outcome {
    kj::Maybe<kj::Own<EndpointUse>> use;
    kj::Maybe<kj::Own<Problem>> problem;
  };

  // Waits as long as the supervisor does. Dropping the promise ends this wait only.
  kj::Promise<Outcome> use(const ContainerId& container);

  // From now on no new use of this generation or an older one; resolves when the last use has ended.
  kj::Promise<void> recall(const ContainerId& container, Generation generation);

 private:
  friend class EndpointUse;

  struct Answer;
  struct Entry {
    kj::Maybe<kj::Own<Endpoint>> current;
    std::vector<kj::Own<Endpoint>> past;  // other generations with uses
    kj::Maybe<kj::ForkedPromise<kj::Own<Answer>>> asking;
    bool answered = true;  // `asking`, where there is one, has resolved
    size_t waiters = 0;
    Generation recalled;  // the highest; an answer that is not above it came too late
  };

  kj::Promise<kj::Own<Answer>> ask(const ContainerId& container, int tries);
  kj::Promise<kj::Own<Answer>> askAgain(const ContainerId& container, int tries);
  kj::Own<Answer> install(const ContainerId& container, schema::Endpoint::Reader endpoint);
  kj::Own<Endpoint> findOrMake(Entry& entry, const ContainerId& container, schema::Endpoint::Reader endpoint);
  void retire(Entry& entry);
  void begin(Endpoint& endpoint);
  void end(Endpoint& endpoint);
  void mark(Endpoint& endpoint);
  void report(Endpoint& endpoint);
  void reportIfDue(Endpoint& endpoint);
  void invalidate(Endpoint& endpoint, Endpoint::Standing standing);
  void startSweeping();
  kj::Promise<void> sweep();
  void sweepEntry(Entry& entry, Duration now);
  void taskFailed(kj::Exception&& exception) override;

  GatewayId gateway_;
  SupervisorOf supervisorOf_;
  env::Clock& clock_;
  kj::Network& network_;
  const Limits& limits_;
  std::map<ContainerId, Entry> entries_;
  bool sweeping_ = false;
  kj::TaskSet tasks_;
};

}  // namespace meridian::http
