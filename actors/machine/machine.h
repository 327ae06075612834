// Machine: the agent's side of one machine, in the agent's own store. It obeys supervisors by generation, asks the driver to act,
// and tells supervisors what the driver saw. Pure: a message comes in, changed rows and effects come out.
//
// One row for each instance that is here, or whose exit its supervisor has not acknowledged:
//
//              start: fits, newer than the last            driver: exited                supervisor: acknowledged
//    (no row) ----------------------------> alive (launching, started, ready) ----> exited ----------------------> (no row)
//
// What is durable: that a generation was accepted, how it ended, and the highest generation seen of each ID, which a refusal and
// a kill raise too: a start that comes late, after the supervisor has gone on, is refused for ever. Started, ready and healthy are
// not stored: after a load the driver's list says them again, and they are told again. So the machine itself is nowhere a
// source of truth about processes; it compares its rows with that list when it is loaded and now and then.
//
// The last generations are many (one for each ID that was ever here), so they stay in the store and arrive with the message.
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

namespace meridian::machine {

using namespace std::chrono_literals;

struct Limits {
  Resources capacity;                  // declared; never oversold
  size_t instancesMax = 10'000;        // rows
  Duration retryFirst = 50ms;          // a call to driver or supervisor failed; doubling
  Duration retryMax = 5s;
  uint32_t triesMax = 20;              // of calls that somebody else repeats: a signal, an acknowledgement
  Duration reconcileEvery = 60s;       // the driver's list against the rows
};

// ---------------------------------------------------------------------------------------
// State

// What is decided on of a class's spec; `words` is the whole, passed on unread.
struct Spec {
  Resources need;
  Duration startTimeout{};
  std::string words;

  friend bool operator==(const Spec&, const Spec&) = default;
};

struct Row {
  InstanceKey key;
  Spec spec;
  std::vector<EnvVar> extraEnv;
  LocationId location;
  Instant acceptedAt;
  std::optional<Exit> exit;            // proven; absent: it counts as alive

  friend bool operator==(const Row&, const Row&) = default;
};

struct State {
  std::map<InstanceKey, Row> rows;
  Resources used;                      // by those without an exit
};

struct PutRow { Row row; };
struct EraseRow { InstanceKey key; };
struct RaiseLast { InstanceKey key; }; // the highest generation seen of the container
using Change = std::variant<PutRow, EraseRow, RaiseLast>;

enum class Health { HEALTHY, UNHEALTHY };

// What this activation knows of an instance that is alive.
struct Progress {
  enum class Launch { UNKNOWN, ASKED, ANSWERED };
  enum class Told { NO, YES };         // acknowledged by the supervisor
  enum class Fate { LIVE, KILLED };    // a kill was asked for; it may have met a launch under way
  Launch launch = Launch::UNKNOWN;
  Fate fate = Fate::LIVE;
  std::optional<Instant> startedAt;
  Told startedTold = Told::NO;
  std::optional<std::string> host;     // ready
  Told readyTold = Told::NO;
  std::optional<Health> health;
  uint64_t round = 0;                  // in which it was launched or seen; an older list says nothing about it
};

struct Transient {
  std::map<InstanceKey, Progress> instances;
  uint64_t round = 0;                  // of asking the driver for its list
};

// ---------------------------------------------------------------------------------------
// Calls to the driver and to supervisors, all idempotent. `attempt` counts from 0.

struct Launch { InstanceKey key; Duration timeout; };
struct SignalInstance { InstanceKey key; int32_t number; };
struct KillInstance { InstanceKey key; };
struct AcknowledgeExit { InstanceKey key; };
enum class Repeat { ONCE, FOR_EVER };
struct List { uint64_t round; Repeat repeat; };
struct TellStarted { InstanceKey key; Instant startedAt; };
struct TellReady { InstanceKey key; std::string host; };
struct TellHealth { InstanceKey key; Health health; };
struct TellExited { InstanceKey key; Exit exit; };

using Call = std::variant<Launch, SignalInstance, KillInstance, AcknowledgeExit, List, TellStarted, TellReady, TellHealth, TellExited>;

struct Attempt { Call call; uint32_t attempt = 0; };

// ---------------------------------------------------------------------------------------
// Messages: calls, each answered in its own step; answers of others; time.

struct Start {
  CallToken token;
  InstanceKey key;
  Spec spec;
  std::vector<EnvVar> extraEnv;
  LocationId location;
  Generation last;                     // seen of this container; 0: none
};
struct Signal { CallToken token; InstanceKey key; int32_t number; };
struct Kill { CallToken token; InstanceKey key; Generation last; };
struct DriverStarted { CallToken token; InstanceKey key; Instant startedAt; };
struct DriverReady { CallToken token; InstanceKey key; std::string host; };
struct DriverHealth { CallToken token; InstanceKey key; Health health; };
struct DriverExited { CallToken token; InstanceKey key; Exit exit; };

struct Report {                        // of the driver, about one instance
  InstanceKey key;
  std::optional<Instant> startedAt;    // absent: it has not exec'd
  std::optional<std::string> host;     // when it is ready
  std::optional<Exit> exit;
};
struct Listed { List asked; std::vector<Report> instances; };
struct CallDone { Call call; };        // of any call but List
struct CallFailed { Attempt attempt; std::string fault; };
struct RetryDue { Attempt attempt; };

using Message = std::variant<Start, Signal, Kill, DriverStarted, DriverReady, DriverHealth, DriverExited, Listed, CallDone, CallFailed,
                             RetryDue>;

// ---------------------------------------------------------------------------------------
// Answers and effects

struct Accepted {};
struct Refused { std::string why; };
enum class Known { NO, YES };
struct Done {};
using Answer = std::variant<Accepted, Refused, Known, Done>;

struct Reply { CallToken token; Answer answer; };
struct Perform { Attempt attempt; };
struct RetryAfter { Duration delay; Attempt attempt; };   // then RetryDue
struct ReportStray { InstanceKey key; };                  // for the log: the driver runs what nobody has accepted

using Effect = std::variant<Reply, Perform, RetryAfter, ReportStray>;

// ---------------------------------------------------------------------------------------

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits);

// Asks the driver what there is, and goes on telling the exits that were not acknowledged.
Step resume(const State& state, Instant now, const Limits& limits);

void apply(State& state, const Change& change);

// None: a machine's actor is called by its agent at every start and stays in memory, with the next reconciliation under way.
std::optional<Instant> alarmAt(const State& state, const Limits& limits);

// Whether nothing is lost when the transient part is: what was told, and what was killed, of those that are here.
bool resting(const State& state);

}  // namespace meridian::machine
