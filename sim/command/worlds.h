// Worlds: runs worlds in processes of their own, several at once, and tells how each of them ended, a crash and a hang included.
#pragma once

#include <optional>

#include "sim/command/wire.h"
#include "sim/command/zygote.h"

namespace meridian::sim {

// What a command runs: a scenario, what is left out of what a seed draws, and for how long anyone would wait for it.
struct Terms {
  const Scenario* scenario = nullptr;
  RunOptions options;
  Duration patience{};             // of real time, for one world
};

class Worlds {
 public:
  struct Ended {
    uint64_t number;
    Result result;
  };

  // Throws std::system_error, also from the other calls: when there are no processes to be had.
  explicit Worlds(const Program& program);
  ~Worlds();                       // ends those that still run
  Worlds(const Worlds&) = delete;

  // Why addresses are random here, so that the transcript of a seed may be another one each time. Empty: they are fixed.
  const std::string& randomness() const { return randomness_; }

  // At most JOBS_MAX at once. `number` comes back with the end.
  void begin(uint64_t number, const Terms& terms, uint64_t seed);
  uint32_t running() const { return running_; }

  // The next to end; none: nobody has ended in this time.
  std::optional<Ended> next(Duration wait);
  Ended next();

  // One world, while no other runs.
  Result run(const Terms& terms, uint64_t seed);

 private:
  void receive(Answer& answer, std::string& bytes);
  Result withStatus(uint64_t number, int status);

  ZygoteProcess zygote_;
  std::string randomness_;
  uint32_t running_ = 0;
  std::map<uint64_t, Result> results_;       // of worlds whose process has not ended yet
  std::map<uint64_t, Duration> patience_;
};

}  // namespace meridian::sim
