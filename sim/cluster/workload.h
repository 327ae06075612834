// Workload: what the clients of a cluster ask of toy actors, and what must hold for the answers. It stands outside of all processes and
// outlives them: what it knows is what somebody outside was told.
#pragma once

#include <kj/async.h>

#include <string>
#include <vector>

#include "runtime/actor/host.h"
#include "sim/cluster/client.h"

namespace meridian::sim {

// Something that is asked in calm weather, and must have an end.
struct Question {
  std::string name;
  Duration within;
  kj::Function<kj::Promise<void>()> ask;
};

class Workload {
 public:
  virtual ~Workload() noexcept(false) = default;

  // Of one host of this server.
  virtual std::vector<actor::ActorKind> kinds(const std::string& server) = 0;

  // A client has started: what it offers to actors.
  virtual void started(ActorClient& client) {}

  // The client does something.
  virtual void act(ActorClient& client) = 0;

  // Something has become durable at this server, or was lost.
  virtual void committed(size_t server) {}

  // After the storm, when all that was asked has ended: nothing fails any more, and each limit is met.
  virtual std::vector<Question> exam(ActorClient& examiner) { return {}; }

  // At the end, when all servers have started anew.
  virtual std::vector<Question> conclude(ActorClient& examiner) = 0;
};

}  // namespace meridian::sim
