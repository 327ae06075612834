// What the command and its zygote say to each other, over a socket that keeps messages apart. Everything that a world is run from
// has a fixed size, so that the memory of the process that runs it is laid out the same whoever asks.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "sim/scenario.h"

namespace meridian::sim {

// To the zygote: run this world.
struct Order {
  static constexpr size_t CHECKER_MAX = 63;   // bytes
  static constexpr size_t FAULTS_MAX = 64;    // of a scenario
  static constexpr size_t SIZES_MAX = 8;      // of a scenario

  uint64_t number = 0;                        // comes back with the answers
  uint32_t scenario = 0;                      // its place in scenarios()
  Transcript::Print print = Transcript::Print::NO;
  uint64_t seed = 0;
  uint64_t without = 0;                       // bit n: fault n of the scenario stays away
  std::array<uint32_t, SIZES_MAX> sizes{};    // place n: size n of the scenario; 0: as drawn
  std::optional<Duration> storm;
  std::optional<Duration> until;
  Duration patience{};                        // of real time, then the process is ended
  std::array<char, CHECKER_MAX + 1> checker{};
};
static_assert(std::is_trivially_copyable_v<Order>);

Order newOrder(uint64_t number, const Scenario& scenario, uint64_t seed, const RunOptions& options, Duration patience);
RunOptions optionsOf(const Order& order);

// From the zygote. ENDED is the last of a world, and all there is when its process died; HELLO is the first of all.
struct Answer {
  enum class Kind : uint32_t { HELLO, RESULT, ENDED };

  Kind kind = Kind::HELLO;
  int32_t status = 0;       // HELLO: why addresses are not fixed, an errno, or 0; ENDED: as of waitpid
  uint64_t number = 0;
};

// RESULT is followed by so many bytes at most.
inline constexpr size_t RESULT_MAX = 128 << 10;

// How a world ended. CRASH is never in an answer: a process that crashes has no time for one.
enum class End { FINE, WRONG, STUCK, CRASH };

std::string_view toWord(End end);

struct Result {
  End end = End::FINE;
  std::string checker;
  std::string what;
  std::vector<std::string> tail;     // of the transcript; empty when all is fine
  uint64_t hash = 0;
  Duration simulated{};
  Duration storm{};
  uint64_t events = 0;
  std::map<std::string, uint64_t> counts;
};

// At most RESULT_MAX bytes: a tail that is longer loses its oldest lines.
std::string encode(const Result& result);
Result decodeResult(std::string_view bytes);

}  // namespace meridian::sim
