// Supervisor: owns one ID for ever. It decides when an instance lives and when it ends; schedulers and machines obey. Everything
// here is pure: a message comes in, changes and effects come out; a call to another actor is an effect, its answer a message.
//
//              wake: generation g+1           machine reserved               ready
//    Stopped ------------------> Placing ----------------> Starting -----------------> Running (healthy or not)
//     ^ ^ ^                      |  ^                     |  |   |                      |      |
//     | | '- refused, or stopped-'  '-- machine refused g-'  |   | stop, timeout        |      | idle, stop, rollout
//     | |                                                    |   v                      |      v
//     | '-------- exited ------------------------------------'  Stopping <--- leases ---|-- Draining
//     |                                                          |         returned     |      |
//     '-------- exited, or the machine says that g is not and will not be there --------+------'
//
// Never two: generation g+1 starts from Stopped alone, and Stopped is reached from Placing (no machine holds g: none was asked,
// or each refused for ever) or by a proven exit of g. A start that times out is therefore killed first.
//
// Sleep: an instance is busy while a gateway reports requests in flight under a live lease. Activity is a lease, a byte reported
// by a gateway, an exec, an explicit start. After `sleepAfter` without any it sleeps; that goes for an ID without a port too.
// Activity is not stored: a supervisor rests only while its ID is stopped, and after a crash the idle clock starts at the load, when
// holders of a lease count as busy until they report or their lease must have ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/instance.h"
#include "runtime/base/names.h"
#include "runtime/base/random.h"
#include "runtime/base/units.h"

namespace meridian::supervisor {

using namespace std::chrono_literals;

struct Limits {
  size_t waitersMax = 10'000;          // callers that wait, of each kind, for one ID
  size_t gatewaysMax = 256;            // holders of a lease
  size_t refusalsMax = 8;              // machines, and locations, that may refuse one generation
  size_t decisionsMax = 16;            // kept of one start
  size_t candidatesMax = 64;           // kept of one decision
  size_t envMax = 256;                 // variables of an explicit start
  size_t envBytesMax = 64 << 10;       // their names and values
  size_t logMachinesMax = 16;
  uint32_t releaseTriesMax = 20;       // then the keeper finds out by asking holds()
  Duration startTimeout = 60s;         // to be placed, while the class is not known
  Duration lease = 30s;
  Duration drain = 5s;                 // after it leases that were not returned count as ended
  Duration sleepAfterMin = 100ms;
  Duration retryFirst = 50ms;          // a call to another actor failed; doubling
  Duration retryMax = 5s;
  Duration killAgainFirst = 1s;        // killed and no exit yet; doubling
  Duration killAgainMax = 15s;         // so long a machine that was away may keep what is to end once it is back
  Duration restartFirst = 1s;          // by the restart policy; doubling
  Duration restartMax = 60s;
  Duration restartReset = 60s;         // who ran that long starts again with restartFirst
  Duration retryAfter = 1s;            // told to callers who met a full class or location
};

// ---------------------------------------------------------------------------------------
// State

enum class RestartPolicy { NEVER, ON_FAILURE, ALWAYS };

// What is decided on of a class's spec; `words` is the whole, passed on unread.
struct Spec {
  uint32_t version = 0;
  std::string image;
  Resources need;
  std::optional<uint16_t> port;
  Duration sleepAfter{};
  Duration stopGrace{};
  Duration startTimeout{};
  RestartPolicy restart = RestartPolicy::NEVER;
  std::string words;

  friend bool operator==(const Spec&, const Spec&) = default;
};

struct Candidate {
  std::string name;
  bool feasible = false;
  double score = 0;
  std::string reason;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// What a scheduler decided, kept for `why`. `chosen` is empty when it refused.
struct Decision {
  std::string tier;
  Instant at;
  std::string chosen;
  std::vector<Candidate> candidates;
  std::string reason;

  friend bool operator==(const Decision&, const Decision&) = default;
};

struct Stopped {
  std::optional<Instant> restartAt;    // by the restart policy; absent: only a request or a start wakes it
  friend bool operator==(const Stopped&, const Stopped&) = default;
};

struct Placing {
  Instant since;                       // when it was woken
  Instant deadline;
  std::vector<MachineId> avoid;        // each refused this generation, for ever
  std::optional<LocationId> reservedAt;
  friend bool operator==(const Placing&, const Placing&) = default;
};

struct Starting {
  Instant since;
  MachineId machine;
  LocationId location;
  Instant deadline;
  friend bool operator==(const Starting&, const Starting&) = default;
};

enum class Health { HEALTHY, UNHEALTHY };

struct Running {
  MachineId machine;
  LocationId location;
  std::string host;
  Instant startedAt;
  Health health = Health::HEALTHY;
  std::vector<GatewayId> gateways;     // holders of a lease
  Instant idleCheckAt;
  friend bool operator==(const Running&, const Running&) = default;
};

struct Draining {
  MachineId machine;
  LocationId location;
  std::string host;
  Instant startedAt;
  std::vector<GatewayId> gateways;     // asked to return their lease
  StopReason reason = StopReason::NONE;
  int32_t signal = 0;
  Instant deadline;
  friend bool operator==(const Draining&, const Draining&) = default;
};

enum class Logs { KEEP, REMOVE };

struct Stopping {
  MachineId machine;
  LocationId location;
  StopReason reason = StopReason::NONE;
  int32_t signal = 0;                  // SIGKILL from the first kill on
  Instant killAt;                      // the next one
  Logs logs = Logs::KEEP;
  friend bool operator==(const Stopping&, const Stopping&) = default;
};

using Life = std::variant<Stopped, Placing, Starting, Running, Draining, Stopping>;

struct State {
  Generation generation;               // the last that was used
  std::optional<Exit> lastExit;        // of the last generation that a machine was asked to run, or that was stopped before
  uint32_t restarts = 0;               // by the policy since the last request or explicit start
  uint32_t shortRuns = 0;              // ended early by themselves, in a row
  std::optional<Spec> spec;            // of the last generation that was placed
  std::optional<Duration> readyAfter;  // from waking to ready, of the last generation that got there
  std::vector<Decision> decisions;     // of the last start
  std::vector<EnvVar> extraEnv;        // given with the explicit start of the current generation
  std::vector<MachineId> logMachines;  // they keep logs of this ID, the latest last
  Life life;

  friend bool operator==(const State&, const State&) = default;
};

using Change = State;                  // small enough to be written whole

// ---------------------------------------------------------------------------------------
// Transient: who waits, what is under way, what gateways said. Empty after a load, except for the time of it.

struct StartWaiter {
  enum class Kind { LEASE, START, ROLLOUT };
  CallToken token;
  Kind kind;
  GatewayId gateway;                   // of a LEASE
};

// The start chain of the current generation: each step is one call, repeated until it is answered or the deadline has come.
struct Chain {
  enum class Step { NONE, ACQUIRE, PLACE, RESERVE, START };
  Step step = Step::NONE;
  std::optional<Spec> spec;            // granted
  LocationId location;                 // asked to reserve
  std::vector<MachineId> avoidMachines;
  std::vector<LocationId> avoidLocations;
  std::vector<Decision> decisions;
  std::string fault;                   // of the last call that failed
  std::optional<Instant> placedAt, acceptedAt, startedAt;
};

struct Activity {
  Instant heardAt;                     // the last lease() or report(): its lease counts from here
  Instant activeAt;                    // the last byte
  uint32_t inFlight = 0;
};

struct Transient {
  Instant loadedAt;
  std::vector<StartWaiter> starts;     // for the start under way; in Draining and Stopping for the next
  std::vector<CallToken> stops;
  std::vector<CallToken> destroys;
  std::vector<EnvVar> nextEnv;         // of an explicit start that waits for the present generation's end
  Chain chain;
  std::map<GatewayId, Activity> gateways;
  Instant touchedAt;                   // ready, exec, explicit start
  std::vector<GatewayId> returned;     // leases, while draining
  std::vector<MachineId> removing;     // asked to remove logs
  uint32_t kills = 0;
};

// ---------------------------------------------------------------------------------------
// Calls to other actors. Each is idempotent and stamped; `attempt` counts from 0.

struct Acquire { Generation generation; };
struct Place { Generation generation; Resources need; std::vector<LocationId> avoid; };
struct Reserve { Generation generation; LocationId location; Resources need; std::vector<MachineId> avoid; };
struct StartInstance {
  Generation generation;
  MachineId machine;
  LocationId location;
  std::string specWords;
  std::vector<EnvVar> extraEnv;
};
struct SignalInstance { Generation generation; MachineId machine; int32_t signal; };
struct KillInstance { Generation generation; MachineId machine; };
struct Recall { Generation generation; GatewayId gateway; };
struct ReleasePermit { Generation generation; };
struct ReleaseReservation { Generation generation; LocationId location; };
struct RemoveLogs { MachineId machine; };

using Call = std::variant<Acquire, Place, Reserve, StartInstance, SignalInstance, KillInstance, Recall, ReleasePermit,
                          ReleaseReservation, RemoveLogs>;

struct Attempt { Call call; uint32_t attempt = 0; };

// ---------------------------------------------------------------------------------------
// Messages: calls, each answered exactly once; answers of others; time.

struct Lease { CallToken token; GatewayId gateway; };
struct Report { CallToken token; GatewayId gateway; Generation generation; uint32_t inFlight; Duration idle; };
struct InstanceStarted { CallToken token; Generation generation; MachineId machine; Instant startedAt; };
struct InstanceReady { CallToken token; Generation generation; MachineId machine; std::string host; };
struct InstanceHealth { CallToken token; Generation generation; MachineId machine; Health health; };
struct InstanceExited { CallToken token; Generation generation; MachineId machine; Exit exit; };
struct AskHolds { CallToken token; Generation generation; };
struct Rollout { CallToken token; uint32_t version; };
struct AskWhy { CallToken token; };
struct Start { CallToken token; std::vector<EnvVar> env; };
struct AskStatus { CallToken token; };
struct Stop { CallToken token; int32_t signal; };
struct Destroy { CallToken token; };
struct FindForExec { CallToken token; };
struct FindForLogs { CallToken token; };

struct Granted { Generation generation; Spec spec; };
struct ClassFull { Generation generation; uint32_t maxInstances; };
struct ClassUnknown { Generation generation; };
struct Placed { Generation generation; Decision decision; };
struct Reserved { Generation generation; LocationId location; Decision decision; };
struct Accepted { Generation generation; MachineId machine; };
struct Refused { Generation generation; MachineId machine; std::string why; };
enum class Known { NO, YES };
struct KillAnswered { Generation generation; MachineId machine; Known known; };
struct Recalled { Generation generation; GatewayId gateway; };
struct LogsRemoved { MachineId machine; };
struct CallFailed { Attempt attempt; std::string fault; };

struct RetryDue { Attempt attempt; };
struct AlarmDue {};

using Message = std::variant<Lease, Report, InstanceStarted, InstanceReady, InstanceHealth, InstanceExited, AskHolds, Rollout, AskWhy,
                             Start, AskStatus, Stop, Destroy, FindForExec, FindForLogs, Granted, ClassFull, ClassUnknown, Placed,
                             Reserved, Accepted, Refused, KillAnswered, Recalled, LogsRemoved, CallFailed, RetryDue, AlarmDue>;

// ---------------------------------------------------------------------------------------
// Answers and effects

enum class StateName { STOPPED, PLACING, STARTING, RUNNING, UNHEALTHY, DRAINING, STOPPING };
const char* toText(StateName state);

struct Status {
  StateName state;
  Generation generation;
  MachineId machine;                   // empty when stopped or placing
  LocationId location;
  std::optional<Exit> lastExit;
  uint32_t restarts = 0;
  std::optional<Instant> startedAt;
  std::optional<Duration> readyAfter;
  std::string image;
  uint32_t version = 0;
};

enum class FailureCode { UNKNOWN_CLASS, MAX_INSTANCES, NO_CAPACITY, START_FAILED, START_TIMEOUT, STOPPED, RETRY };
const char* toText(FailureCode code);

struct StartFailure {
  FailureCode code;
  std::string message;
  std::optional<Duration> retryAfter;  // absent: retrying does not help
  std::optional<Exit> exit;
};

struct Acknowledged {};
struct Endpoint { Generation generation; std::string host; uint16_t port; Duration lease; };
enum class LeaseValidity { OVER, VALID };
enum class Holding { NO, YES };
struct Reasons { std::vector<Decision> decisions; };
struct Whereabouts { Generation generation; MachineId machine; };

using Answer = std::variant<Acknowledged, Endpoint, StartFailure, LeaseValidity, Holding, Reasons, Status, Whereabouts>;

struct Reply { CallToken token; Answer answer; };
enum class Fault { FAILED, OVERLOADED, DISCONNECTED };
struct Refuse { CallToken token; Fault fault; std::string message; };
struct Perform { Attempt attempt; };
struct RetryAfter { Duration delay; Attempt attempt; };   // then RetryDue
struct Journal { Generation generation; StateName state; std::string detail; };

using Effect = std::variant<Reply, Refuse, Perform, RetryAfter, Journal>;

// ---------------------------------------------------------------------------------------

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits);

// What a freshly loaded state needs. Placing begins its chain again, Starting asks its machine again, Draining recalls and
// Stopping signals again: all idempotent. Stopped needs nothing: a release that a crash swallowed is found by the keeper, who asks
// holds(); to repeat it at each load would cost every waking ID two calls.
Step resume(const State& state, Instant now, const Limits& limits);

void apply(State& state, const Change& change);

std::optional<Instant> alarmAt(const State& state, const Limits& limits);

// Whether nothing is lost when the transient part is. A running one must remember who was active.
bool resting(const State& state, const Transient& transient);

}  // namespace meridian::supervisor
