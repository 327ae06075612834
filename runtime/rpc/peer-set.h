// PeerSet: the peers of one kind that a vat calls, by name; each is made when it is first asked for.
//
// Thread: the vat's shard's.
#pragma once

#include <map>
#include <string>

#include "runtime/rpc/peer.h"

namespace meridian::rpc {

class PeerSet {
 public:
  using Dial = kj::Function<kj::Own<Wire>(kj::StringPtr name)>;

  // `dial` throws when nobody of that name is known. The vat and the clock outlive the set.
  PeerSet(Vat& vat, env::Clock& clock, Dial dial): vat_(vat), clock_(clock), dial_(kj::mv(dial)) {}

  Peer& find(kj::StringPtr name);

 private:
  static constexpr size_t PEERS_MAX = 10'000;

  Vat& vat_;
  env::Clock& clock_;
  Dial dial_;
  std::map<std::string, Peer, std::less<>> peers_;
};

}  // namespace meridian::rpc
