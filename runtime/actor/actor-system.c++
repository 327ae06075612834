#include "runtime/actor/actor-system.h"

#include <caf/detail/test_actor_clock.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "runtime/base/check.h"

namespace meridian::actor {

namespace {

// Our actors go to their own shard by themselves; CAF's own service actors are never messaged, because no remoting and no printer
// is used. So there is nothing left to schedule here, and no thread to schedule it on.
class Coordinator final: public caf::scheduler::abstract_coordinator {
 public:
  using abstract_coordinator::abstract_coordinator;

  void enqueue(caf::resumable* ready) override { cleanup_and_release(ready); }
  bool detaches_utility_actors() const override { return false; }
  void start() override {}
  void stop() override {}
  caf::actor_clock& clock() noexcept override { return clock_; }

 private:
  // Timed sends are not used: actors have durable alarms and env::Clock. This clock never advances.
  caf::detail::test_actor_clock clock_;
};

caf::actor_system::module* makeCoordinator(caf::actor_system& system) {
  return new Coordinator(system);   // CAF takes ownership.
}

}  // namespace

ActorSystem::ActorSystem() {
  config_.module_factories.push_back(makeCoordinator);
  system_ = kj::heap<caf::actor_system>(config_);
}

ActorSystem::~ActorSystem() noexcept(false) = default;

}  // namespace meridian::actor
