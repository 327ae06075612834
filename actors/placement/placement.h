// Placement: where an instance goes, as one pure pipeline for both tiers:
//
//   candidates + request -> feasible -> score -> choose -> Plan | Refusal, with a reason for each candidate
//
// A candidate is a machine, or a location's summary. Nothing is remembered and nothing reserved: the caller owns the truth and
// asks again when it has moved on. The same candidates in any order give the same decision; equal scores break by name.
//
// The two policies, and why:
//   PACK    for machines: best fit, so that small instances fill the gaps and whole machines stay free for large ones.
//           Shapes differ by 64 to 1 (lite to standard-4); spread evenly, a location that is half empty has no room for the
//           largest. Capacity is never oversold and CPU is a hard quota, so a full machine serves no worse than an empty one.
//   SPREAD  for locations: the one with the most room. Its summary may be a second old, and where there is room an old
//           summary is seldom wrong; and a lost location should take few instances with it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/units.h"

namespace meridian::placement {

struct Limits {
  size_t consideredMax = 16;           // candidates kept in a decision, with their reasons
};

enum class Policy { PACK, SPREAD };

// The name is a view into the caller's snapshot, which outlives the call.
struct Candidate {
  std::string_view name;
  Resources total;
  Resources free;                      // of `total`; nothing of it is promised to anybody
};

struct Request {
  std::string_view kind;               // "machine" or "location": what the candidates are, for the reasons
  Resources need;
  std::span<const std::string> avoid;  // names that refused this instance before
};

// One candidate as it was judged.
struct Considered {
  std::string name;
  std::optional<double> score;         // in [0, 1]; absent: not feasible
  std::string reason;

  friend bool operator==(const Considered&, const Considered&) = default;
};

// In both, `considered` holds the best first, then those that were not feasible, by name; at most consideredMax.
struct Plan {
  std::string chosen;
  std::string reason;
  std::vector<Considered> considered;

  friend bool operator==(const Plan&, const Plan&) = default;
};

struct Refusal {
  std::string reason;
  std::vector<Considered> considered;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

using Decision = std::variant<Plan, Refusal>;

// Costs O(candidates); texts are made only for what is kept.
Decision decide(std::span<const Candidate> candidates, const Request& request, Policy policy, const Limits& limits);

}  // namespace meridian::placement
