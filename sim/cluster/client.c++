#include "sim/cluster/client.h"

#include <kj/debug.h>

namespace meridian::sim {

ActorClient::ActorClient(ProcessParts parts, const Placement& placement)
    : name_(parts.name), clock_(parts.clock), placement_(placement), vat_(parts.shard),
      servers_(vat_, parts.clock, [&network = parts.network, self = parts.name](kj::StringPtr name) {
        return network.dial(self, name.cStr());
      }),
      tasks_(*this) {}

void ActorClient::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "a client's task failed", exception); }

}  // namespace meridian::sim
