#include "runtime/rpc/peer-set.h"

#include <kj/debug.h>

namespace meridian::rpc {

Peer& PeerSet::find(kj::StringPtr name) {
  auto found = peers_.find(name.cStr());
  if (found != peers_.end()) return found->second;
  KJ_REQUIRE(peers_.size() < PEERS_MAX, "a vat knows at most 10,000 peers of a kind");
  auto owned = std::string(name.cStr());
  auto dial = [this, owned]() { return dial_(owned.c_str()); };
  return peers_.try_emplace(owned, vat_, clock_, kj::mv(dial)).first->second;
}

}  // namespace meridian::rpc
