// LocationScheduler: which machine of its location an instance goes to, and the reservations on the machines.
//
// A machine's free capacity is its capacity less the needs of the reservations on it; those sums are kept as reservations come
// and go, so that a reservation costs O(machines), however many there are. An ID has one reservation {generation}: the same
// generation is answered the same machine again; a newer one replaces it, since an ID starts anew only when its last instance
// has provably ended. What is never released is found by reconciliation, as ContainerClass does it with permits.
//
// The GlobalScheduler is told the sums of the location. The rule:
//
//   sums change -> due: at once when a machine came, else 1 s after the last report at the earliest  (ReportSet)
//   due, and none under way -> ReportToGlobal; it is due again later, in case no answer comes
//   GlobalReported{sums} -> nothing is due if these are still the sums, else as above
//
// That a report is due is durable: else a location that was full when it was last told of might never be asked again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/placement/placement.h"
#include "runtime/base/instance.h"
#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::location {

struct Limits {
  size_t machinesMax = 1'000;
  size_t reservationsMax = 200'000;
  size_t avoidMax = 64;                            // machines that one request may name
  // Of one machine; far above what exists, and far below where sums of machinesMax overflow.
  Resources machineMax = {MicroCpu(100'000'000'000), MemoryMib(1ull << 30), DiskMb(1'000'000'000'000)};
  Duration reservationAge = std::chrono::seconds(60);   // the holder of a younger reservation is not asked
  Duration sweepEvery = std::chrono::seconds(60);       // from the end of a round of reconciliation to the next
  Duration sweepPause = std::chrono::seconds(1);        // between two batches of a round
  size_t sweepBatch = 200;                              // reservations looked at in a batch
  Duration reportEvery = std::chrono::seconds(1);       // between two reports as machines fill
  Duration reportRetry = std::chrono::seconds(5);       // when a report was not answered
  placement::Limits placement;
};

struct Machine {
  Resources capacity;
  Resources reserved;                              // sum over the reservations on it; not stored
  friend bool operator==(const Machine&, const Machine&) = default;
};

// What a machine has left; nothing when it now declares less than is reserved.
inline Resources freeOf(const Machine& machine) { return machine.capacity - machine.reserved; }

struct Reservation {
  Generation generation;
  MachineId machine;
  Resources need;
  Instant at;
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

// Over all machines.
struct Sums {
  Resources total;
  Resources free;
  friend bool operator==(const Sums&, const Sums&) = default;
};

// Where the reconciliation stands.
struct ReservationSweep {
  Instant at;                                      // of the next batch
  std::optional<ContainerId> after;                // the last one of the batch before; absent: a new round
  friend bool operator==(const ReservationSweep&, const ReservationSweep&) = default;
};

struct State {
  std::map<MachineId, Machine> machines;
  std::map<ContainerId, Reservation> reservations;
  std::optional<ReservationSweep> sweep;           // set whenever there are reservations
  std::optional<Instant> reportAt;                 // set while the GlobalScheduler may not know the sums
  Sums sums;                                       // not stored
  friend bool operator==(const State&, const State&) = default;
};

struct Transient {
  size_t asked = 0;                                // supervisors that have not answered yet
  bool reporting = false;                          // a report is under way
  std::optional<Instant> reportedAt;               // when the last one was sent
};

// Messages.
struct RegisterMachine { CallToken token; MachineId machine; Resources capacity; };
struct Reserve { CallToken token; InstanceKey instance; Resources need; std::vector<std::string> avoid; };
struct Release { CallToken token; InstanceKey instance; };
struct AlarmFired {};
struct HolderAnswered { InstanceKey instance; enum class Holds { NO, YES } holds; };
struct HolderUnreachable { InstanceKey instance; };
struct GlobalReported { Sums sums; };              // the GlobalScheduler knows these
struct GlobalUnreachable {};
using Message = std::variant<RegisterMachine, Reserve, Release, AlarmFired, HolderAnswered, HolderUnreachable,
                             GlobalReported, GlobalUnreachable>;

// Answers.
struct Acknowledged {};
struct Decided { placement::Decision decision; Instant at; };
using Answer = std::variant<Acknowledged, Decided>;

// Effects.
struct Reply { CallToken token; Answer answer; };
struct Reject { CallToken token; std::string reason; };     // the caller made a mistake or is out of date
struct AskHolder { InstanceKey instance; };                 // Supervisor.holds; answered by one of the two Holder messages
struct ReportToGlobal {};                                   // the sums after this step; answered by one of the two Global messages
using Effect = std::variant<Reply, Reject, AskHolder, ReportToGlobal>;

// Changes of the state, each a row of the record.
struct MachineSet { MachineId machine; Resources capacity; };
struct ReservationSet { ContainerId container; Reservation reservation; };
struct ReservationErased { ContainerId container; };
struct SweepSet { std::optional<ReservationSweep> sweep; };
struct ReportSet { std::optional<Instant> at; };
using Change = std::variant<MachineSet, ReservationSet, ReservationErased, SweepSet, ReportSet>;

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits);
Step resume(const State& state, Instant now, const Limits& limits);
void apply(State& state, const Change& change);
std::optional<Instant> alarmAt(const State& state);
bool resting(const Transient& transient);

}  // namespace meridian::location
