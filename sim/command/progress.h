// Progress of a swarm on stderr: one line that is rewritten on a terminal; elsewhere a line now and then, when it takes long.
#pragma once

#include "sim/command/swarm.h"

namespace meridian::sim {

class Progress {
 public:
  explicit Progress(uint64_t seeds);

  void show(const SwarmReport& report);
  void end();

 private:
  const uint64_t seeds_;
  const bool terminal_;
  Duration shown_{};
};

}  // namespace meridian::sim
