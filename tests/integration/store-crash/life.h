// A process of its own for a store that meets a fault; its end and its last words are judged.
#pragma once

#include <functional>
#include <string>

namespace meridian::crash {

inline constexpr int GOOD = 0;
inline constexpr int BAD = 1;

struct End {
  int exitCode;
  std::string lastWords;              // on standard error
};

// Runs `life`, which returns an exit code; what it throws is BAD.
End live(const std::function<int()>& life);

}  // namespace meridian::crash
