// SimDriver: the driver of a simulated machine, in the agent's process and gone with it. It launches through the shim, sees to the
// start's timeout, and tells the Machine actor what it sees, each fact until it is taken. A new one takes stock of what the shim
// has and tells that.
//
// Thread: the loop's. The machine outlives it.
#pragma once

#include <kj/async.h>

#include <deque>
#include <set>

#include "schema/driver.capnp.h"
#include "schema/machine.capnp.h"
#include "sim/world/machine.h"

namespace meridian::sim {

class SimDriver final: public schema::Driver::Server, private ShimListener, private kj::TaskSet::ErrorHandler {
 public:
  SimDriver(SimMachine& machine, SimClock& clock, schema::Machine::Client agent);

  // Its process dies. A connection may hold on to it for a while.
  void die();

  kj::Promise<void> launch(LaunchContext context) override;
  kj::Promise<void> signal(SignalContext context) override;
  kj::Promise<void> kill(KillContext context) override;
  kj::Promise<void> list(ListContext context) override;
  kj::Promise<void> acknowledge(AcknowledgeContext context) override;
  kj::Promise<void> removeLogs(RemoveLogsContext context) override { return kj::READY_NOW; }

 private:
  using Fact = kj::Function<kj::Promise<void>()>;

  void instanceReady(const InstanceKey& key, const std::string& host) override;
  void instanceExited(const InstanceKey& key, const Exit& exit) override;
  void taskFailed(kj::Exception&& exception) override;

  void execute(const InstanceKey& key, const Resources& need, Duration readyWithin);
  void fail(const InstanceKey& key, const std::string& why);
  void watchReadiness(const InstanceKey& key, Duration within);
  void tellStarted(const InstanceKey& key, Instant at);
  void tellReady(const InstanceKey& key, const std::string& host);
  void tellExited(const InstanceKey& key, const Exit& exit);
  void spawn(kj::Promise<void> task);
  void tell(const InstanceKey& key, Fact fact);
  kj::Promise<void> tellAll(const InstanceKey& key);
  kj::Promise<void> tellFirst(const InstanceKey& key, Duration pause);
  const SimMachine::Instance* find(const InstanceKey& key) const;

  static constexpr Duration RETRY_FIRST = std::chrono::milliseconds(50);
  static constexpr Duration RETRY_MAX = std::chrono::seconds(2);

  SimMachine& machine_;
  SimClock& clock_;
  schema::Machine::Client agent_;
  std::map<InstanceKey, kj::ForkedPromise<void>> launching_;
  std::map<InstanceKey, Exit> failed_;                 // they never ran
  std::set<InstanceKey> timedOut_;
  std::map<InstanceKey, std::deque<Fact>> facts_;      // not yet taken, in order
  kj::Maybe<kj::TaskSet> tasks_;                       // none: dead
};

}  // namespace meridian::sim
