#include "sim/explore/worlds.h"

#include "sim/explore/id/space.h"
#include "sim/explore/transfer/space.h"

namespace meridian::explore {

const std::vector<World>& worlds() {
  static const std::vector<World> WORLDS = {
      {"id", "One ID on two machines: the steps of supervisor, class, schedulers and machines, in every order, with faults",
       "never two instances; permit and reservation as long as one lives; at rest nothing is left and every caller was answered", 2,
       []() -> std::unique_ptr<Space> { return std::make_unique<id::IdSpace>(); }},
      {"transfer", "Two accounts on one server and one transfer: the host, its store and its gate, one event of the loop at a time",
       "the money is conserved in every state of the disk, and nobody outside is told what is not on it", 1,
       []() -> std::unique_ptr<Space> { return std::make_unique<transfer::TransferSpace>(); }},
  };
  return WORLDS;
}

}  // namespace meridian::explore
