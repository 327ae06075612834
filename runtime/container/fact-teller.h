// FactTeller: tells the Machine actor what happened to instances, each fact until it is
// acknowledged (an answer). Facts of one instance arrive in order; a later one waits for those
// before it. Facts told before there is a Machine wait for it. Used on one loop.
#pragma once

#include <kj/async.h>
#include <kj/timer.h>

#include <deque>
#include <map>
#include <string>
#include <variant>

#include "runtime/base/instance.h"
#include "schema/machine.capnp.h"

namespace meridian::container {

struct StartedFact {
  Instant at;
};
struct ReadyFact {
  std::string host;
};
struct ExitedFact {
  Exit exit;
};
using Fact = std::variant<StartedFact, ReadyFact, ExitedFact>;

class FactTeller: private kj::TaskSet::ErrorHandler {
 public:
  static constexpr auto RETRY_FIRST = 20 * kj::MILLISECONDS;  // doubling
  static constexpr auto RETRY_MAX = 1 * kj::SECONDS;

  explicit FactTeller(kj::Timer& timer): timer_(timer), telling_(*this) {}

  void setMachine(schema::Machine::Client machine);
  void tell(const InstanceKey& key, Fact fact);

 private:
  void begin(const InstanceKey& key);
  kj::Promise<void> tellAll(const InstanceKey& key);
  kj::Promise<void> tellFirst(const InstanceKey& key, kj::Duration delay);
  kj::Promise<void> send(const InstanceKey& key, const Fact& fact);
  void taskFailed(kj::Exception&& error) override;

  kj::Timer& timer_;
  kj::Maybe<schema::Machine::Client> machine_;
  std::map<InstanceKey, std::deque<Fact>> queues_;  // an entry is being told as long as it is here
  kj::TaskSet telling_;
};

}  // namespace meridian::container
