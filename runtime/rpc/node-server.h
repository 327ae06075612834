// NodeServer: what a vat offers its peers: the actors of its host by name, and services that the composition put here.
#pragma once

#include <capnp/capability.h>

#include <map>
#include <string>

#include "runtime/actor/host.h"
#include "schema/node.capnp.h"

namespace meridian::rpc {

class NodeServer final: public schema::Node::Server {
 public:
  // `host`, if any, lives until close().
  explicit NodeServer(kj::Maybe<actor::Host&> host): host_(host) {}

  void offer(kj::StringPtr name, capnp::Capability::Client service);

  // The vat ends. A connection may hold on to its node for the call that it is delivering.
  void close();

  kj::Promise<void> actor(ActorContext context) override;
  kj::Promise<void> service(ServiceContext context) override;

 private:
  kj::Maybe<actor::Host&> host_;
  std::map<std::string, capnp::Capability::Client, std::less<>> services_;
};

}  // namespace meridian::rpc
