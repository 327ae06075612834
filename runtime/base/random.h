// Random: a small deterministic generator (splitmix64, Steele, Lea and Flood 2014). The same seed gives the same numbers
// on every platform. Decisions take one as an argument; only the composition seeds one from entropy.
#pragma once

#include <cstdint>

namespace meridian {

class Random {
 public:
  explicit Random(uint64_t seed): state_(seed) {}

  uint64_t next();

  // Uniform in [0, bound); bound > 0. The bias is below bound / 2^64.
  uint64_t below(uint64_t bound);

  // Uniform in [0, 1).
  double unit();

  // A generator whose numbers are independent of this one's later numbers.
  Random fork() { return Random(next()); }

 private:
  uint64_t state_;
};

}  // namespace meridian
