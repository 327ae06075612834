// ContainerClass: owns one class: which application declared it, what its instances are, and the permits under `maxInstances`.
//
//                claim                    configure
//   Unclaimed ----------> Claimed ----------------------> Configured --+ configure: a newer version
//       ^                    |                                |   ^----+
//       +------ retire ------+----------- retire -------------+
//
// A permit is a row {ID, generation}. It outlives the ownership it was given under: it is there until it is released, because
// the instance is. What is never released (a lost message, a crash between two commits) is found by reconciliation: while there
// are permits, an alarm asks the supervisors of old ones whether they still hold them; only an answer "no" about the very
// generation that has the permit frees it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/base/random.h"
#include "runtime/base/units.h"

namespace meridian::container_class {

struct Limits {
  uint32_t permitsMax = 100'000;                   // of one class, whatever its maxInstances
  Duration permitAge = std::chrono::seconds(60);   // the holder of a younger permit is not asked
  Duration sweepEvery = std::chrono::seconds(60);  // from the end of a round of reconciliation to the next
  Duration sweepPause = std::chrono::seconds(1);   // between two batches of a round
  size_t sweepBatch = 200;                         // permits looked at in a batch
};

// What an application declared. Decisions look at the first three; `words` is the whole of it, flat.
struct Spec {
  std::string application;
  uint32_t version;
  uint32_t maxInstances;
  std::string words;

  friend bool operator==(const Spec&, const Spec&) = default;
};

struct Unclaimed {
  friend bool operator==(const Unclaimed&, const Unclaimed&) = default;
};
struct Claimed {
  std::string application;
  friend bool operator==(const Claimed&, const Claimed&) = default;
};
struct Configured {
  Spec spec;                                       // of the application that owns the class
  friend bool operator==(const Configured&, const Configured&) = default;
};
using Ownership = std::variant<Unclaimed, Claimed, Configured>;

struct Permit {
  Generation generation;
  Instant at;
  friend bool operator==(const Permit&, const Permit&) = default;
};

// Where the reconciliation stands.
struct PermitSweep {
  Instant at;                                      // of the next batch
  std::optional<std::string> after;                // the last ID of the batch before; absent: a new round
  friend bool operator==(const PermitSweep&, const PermitSweep&) = default;
};

struct State {
  Ownership ownership;
  std::map<std::string, Permit> permits;           // by ID
  std::optional<PermitSweep> sweep;                // set whenever there are permits
  friend bool operator==(const State&, const State&) = default;
};

struct Transient {
  size_t asked = 0;                                // supervisors that have not answered yet
};

// Messages.
enum class Force { NO, YES };

struct Claim { CallToken token; std::string application; };
struct Configure { CallToken token; Spec spec; };
struct Retire { CallToken token; std::string application; Force force; };
struct Acquire { CallToken token; std::string id; Generation generation; };
struct Release { CallToken token; std::string id; Generation generation; };
struct AlarmFired {};
struct HolderAnswered { std::string id; Generation generation; enum class Holds { NO, YES } holds; };
struct HolderUnreachable { std::string id; Generation generation; };
using Message = std::variant<Claim, Configure, Retire, Acquire, Release, AlarmFired, HolderAnswered, HolderUnreachable>;

// Answers.
struct Owner { std::string application; };
struct Acknowledged {};
struct Busy { uint32_t permits; };                 // 0: retired
struct Granted { std::string spec; };               // its words
struct Full { uint32_t maxInstances; };
struct Unknown {};                                 // no application has configured the class
using PermitOutcome = std::variant<Granted, Full, Unknown>;
using Answer = std::variant<Owner, Acknowledged, Busy, PermitOutcome>;

// Effects.
struct Reply { CallToken token; Answer answer; };
struct Reject { CallToken token; std::string reason; };          // the caller made a mistake or is out of date
struct AskHolder { std::string id; Generation generation; };     // Supervisor.holds; answered by one of the two Holder messages
using Effect = std::variant<Reply, Reject, AskHolder>;

// Changes of the state, each a row of the record.
struct OwnershipSet { Ownership ownership; };
struct PermitSet { std::string id; Permit permit; };
struct PermitErased { std::string id; };
struct SweepSet { std::optional<PermitSweep> sweep; };
using Change = std::variant<OwnershipSet, PermitSet, PermitErased, SweepSet>;

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits);
Step resume(const State& state, Instant now, const Limits& limits);
void apply(State& state, const Change& change);
std::optional<Instant> alarmAt(const State& state);

}  // namespace meridian::container_class
