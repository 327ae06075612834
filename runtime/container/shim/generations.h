// Generations: the newest generation of each ID that has run here, so that a launch which comes late is refused. Bounded: the
// ID whose last launch is longest ago is forgotten first; a launch would have to be that late to slip through, and the
// platform's own stores refuse it still.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/base/names.h"

namespace meridian::shim {

class Generations {
 public:
  static constexpr size_t CAPACITY = 16 * 1024;  // IDs

  // The generation is not below an earlier one of the ID.
  void remember(const ContainerId& container, Generation generation);

  // The newest that is remembered; 0 if none is.
  Generation last(const ContainerId& container) const;

 private:
  struct Entry {
    Generation generation;
    uint64_t turn;
  };

  std::map<ContainerId, Entry> entries_;
  std::map<uint64_t, ContainerId> byTurn_;
  uint64_t nextTurn_ = 0;
};

}  // namespace meridian::shim
