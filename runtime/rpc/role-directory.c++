#include "runtime/rpc/role-directory.h"

#include <kj/debug.h>

namespace meridian::rpc {

namespace {

// FNV-1a, 64 bits: the same on every build, which std::hash does not promise.
uint64_t hashOf(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3ull;
  return hash;
}

capnp::Capability::Client unreachable(kj::StringPtr what, kj::StringPtr name) {
  return KJ_EXCEPTION(DISCONNECTED, "nobody is known to serve this", what, name);
}

}  // namespace

size_t shardOf(const actor::Address& address, size_t shards) {
  return shards == 1 ? 0 : hashOf(actor::toText(address)) % shards;
}

kj::Maybe<capnp::Capability::Client> RoleDirectory::elsewhere(const actor::Address& address) {
  auto routed = kinds_.find(address.kind);
  if (routed != kinds_.end()) {
    KJ_IF_MAYBE(peer, routed->second(address.name.c_str())) {
      return peer->actor(address.kind.c_str(), address.name.c_str());
    }
    return unreachable(address.kind.c_str(), address.name.c_str());
  }
  size_t shard = shardOf(address, siblings_.size());
  if (shard == index_) return nullptr;
  KJ_IF_MAYBE(peer, siblings_[shard]) return peer->actor(address.kind.c_str(), address.name.c_str());
  return unreachable(address.kind.c_str(), address.name.c_str());
}

capnp::Capability::Client RoleDirectory::service(kj::StringPtr name) {
  for (auto routed = services_.rbegin(); routed != services_.rend(); ++routed) {
    if (!name.startsWith(routed->first.c_str())) continue;
    KJ_IF_MAYBE(peer, routed->second(name)) return peer->service(name);
    break;
  }
  return unreachable("service", name);
}

}  // namespace meridian::rpc
