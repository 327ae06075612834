// TransferSpace: two accounts on one server, one transfer, as a space to search. The shipped host cannot be copied, so a state is what
// earlier lives of the server have left, and the steps of its present life, which are made anew to see what may come next. A crash
// forgets the steps: what it leaves on disk is all that counts.
#pragma once

#include "runtime/actor/actor-system.h"
#include "sim/explore/space.h"

namespace meridian::explore::transfer {

class TransferSpace final: public Space {
 public:
  std::string start() override;
  void moves(std::string_view state, Events events, const std::function<void(Next&&)>& visit) override;
  std::string flawAtRest(std::string_view state) override;
  std::vector<std::string> describe(const std::vector<uint16_t>& moves) override;

 private:
  actor::ActorSystem system_;
};

}  // namespace meridian::explore::transfer
