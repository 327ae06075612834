// forward(): one request through the gateway: a lease on its ID's instance, a connection to it, the request that way
// and the response back, both at once. What cannot be passed on is answered here.
//
// A request is tried again only when that cannot do it twice: the container could not be reached, or it had closed a
// kept connection before answering and the request is repeatable. Each time the supervisor is asked anew.
#pragma once

#include <map>
#include <string>

#include "runtime/env/clock.h"
#include "runtime/http/endpoint-leases.h"
#include "runtime/http/gateway-limits.h"
#include "runtime/http/proxied-request.h"

namespace meridian::http {

// Since the gateway started.
struct Counters {
  uint64_t connections = 0;
  uint64_t requests = 0;                     // whose head was read
  uint64_t repeated = 0;                     // attempts after the first
  uint64_t aborted = 0;                      // answers cut short, by either side
  std::map<std::string, uint64_t> problems;  // own answers, by code
};

// Outlives each forward().
struct ProxyContext {
  EndpointLeases& leases;
  env::Clock& clock;
  const Limits& limits;
  Counters& counters;
};

struct ClientSide {
  kj::AsyncOutputStream& output;
  BufferedInput& input;  // past the request's head
};

// Dropping the promise closes the connection to the container. `client` outlives the promise.
kj::Promise<ClientFate> forward(ProxyContext& context, ClientSide client, ProxiedRequest request);

// Writes an own answer.
kj::Promise<ClientFate> answer(ProxyContext& context, kj::AsyncOutputStream& output, const Problem& problem,
                               Persistence persistence, AnswerBody body);

}  // namespace meridian::http
