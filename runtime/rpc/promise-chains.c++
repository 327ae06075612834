#include "runtime/rpc/promise-chains.h"

namespace meridian::rpc {

bool PromiseChains::link(uint32_t promise, uint32_t next) {
  auto& linked = promises_[promise];
  linked.next = next;
  size_t behind = linked.behind + 1;
  // All that follows now has a longer chain behind it. A circle makes it longer at each step.
  for (std::optional<uint32_t> follower = next; follower; behind++) {
    auto& promiseAhead = promises_[*follower];
    if (promiseAhead.behind >= behind) return true;
    promiseAhead.behind = behind;
    if (behind > lengthMax_) return false;
    follower = promiseAhead.next;
  }
  return true;
}

}  // namespace meridian::rpc
