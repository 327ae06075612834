// IdSpace: one ID on two machines, as a space to search.
#pragma once

#include "sim/explore/space.h"

namespace meridian::explore::id {

class IdSpace final: public Space {
 public:
  std::string start() override;
  void moves(std::string_view state, Events events, const std::function<void(Next&&)>& visit) override;
  std::string flawAtRest(std::string_view state) override;
  std::vector<std::string> describe(const std::vector<uint16_t>& moves) override;
};

}  // namespace meridian::explore::id
