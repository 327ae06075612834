// Placement: which server an actor lives on, from its address alone; the same for everybody.
#pragma once

#include <string>

#include "runtime/rpc/role-directory.h"

namespace meridian::sim {

class Placement {
 public:
  explicit Placement(size_t servers): servers_(servers) {}

  static std::string nameOfServer(size_t index) { return "s" + std::to_string(index + 1); }

  size_t indexOf(const actor::Address& address) const {
    // Another hash than that of shards, or a server would fill one shard only.
    return rpc::shardOf({"server", actor::toText(address)}, servers_);
  }
  std::string serverOf(const actor::Address& address) const { return nameOfServer(indexOf(address)); }

 private:
  size_t servers_;
};

}  // namespace meridian::sim
