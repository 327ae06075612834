// Application: the versions, classes and routes of one application. A deploy is a saga over other actors; each phase is durable and
// is nothing but a set of idempotent calls, so after a crash the calls of the phase are made again.
//
//   Settled --> Claiming --> Retiring --> Configuring --> Announcing --> Pushing --> Settled      answer: the version
//                  |             |        ^ the new config is in force from here on
//                  +------+------+
//                         v  refused: a class is another application's, or one that goes away is still in use
//                    GivingBack --> Restoring --> Settled                                         answer: refused
//
//   Claiming      claim all classes of the new config               GivingBack  retire the classes that are only in the new config,
//   Retiring      retire the classes that are only in the old one               claim those again that are only in the old one
//   Configuring   tell every class its spec                         Restoring   tell every class its spec
//   Announcing    ask the GlobalScheduler for the gateways
//   Pushing       push the whole route table to every gateway, until all have it or the deadline; forget a removed application
//
// A phase ends when all its calls are answered, so no call of one phase overtakes another of the same class. Calls that fail are
// made again, with a growing pause; that is what the alarm is for, and it also wakes an application that crashed in a deploy.
// Remove is the deploy of a config that declares nothing. Deploys wait for one another; their callers are gone after a crash.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "actors/application/config-rules.h"
#include "actors/application/config.h"
#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::application {

struct Limits {
  ConfigLimits config;
  size_t deploysMax = 16;                                  // that wait while another is under way
  Duration pushFor = std::chrono::seconds(5);              // then a gateway that has not answered is left alone
  Duration retryFirst = std::chrono::milliseconds(500);    // pause before a call is made again, doubling
  Duration retryMax = std::chrono::seconds(30);
};

enum class Force { NO, YES };

// Phases, in the order of a deploy.
struct Settled {};
struct Claiming { ConfigPtr config; Force force; };
struct Retiring { ConfigPtr config; Force force; };
struct Configuring {};
struct Announcing {};
struct Pushing { std::vector<std::string> gateways; Instant deadline; };
struct GivingBack { ConfigPtr config; std::string reason; };
struct Restoring { std::string reason; };
using Phase = std::variant<Settled, Claiming, Retiring, Configuring, Announcing, Pushing, GivingBack, Restoring>;

struct State {
  uint32_t version = 0;                                    // of the config in force
  Instant deployedAt;
  ConfigPtr config = std::make_shared<const Config>();     // in force; never null
  Phase phase;
  std::optional<Instant> retryAt;                          // set unless settled
};

// Calls to other actors, each answered by a message that carries it.
struct Claim { ClassName containerClass; friend auto operator<=>(const Claim&, const Claim&) = default; };
struct Retire {
  ClassName containerClass;
  Force force;
  friend auto operator<=>(const Retire&, const Retire&) = default;
};
struct Configure {                                         // with its spec in the config in force
  ClassName containerClass;
  uint32_t version;
  friend auto operator<=>(const Configure&, const Configure&) = default;
};
struct Announce { friend auto operator<=>(const Announce&, const Announce&) = default; };
struct PushRoutes {                                        // of the config in force
  std::string gateway;
  uint32_t version;
  friend auto operator<=>(const PushRoutes&, const PushRoutes&) = default;
};
struct Forget { friend auto operator<=>(const Forget&, const Forget&) = default; };
using Call = std::variant<Claim, Retire, Configure, Announce, PushRoutes, Forget>;

enum class CallState { UNDER_WAY, FAILED };

struct Waiting { CallToken token; ConfigPtr config; Force force; };

struct Transient {
  std::map<Call, CallState> calls;                         // of the phase, not yet answered
  std::string objection;                                   // the first in this phase; empty: none
  std::vector<std::string> gateways;                       // as announced
  uint32_t tries = 0;                                      // alarms in this phase
  std::optional<CallToken> caller;                         // of the deploy under way; absent after a crash
  std::deque<Waiting> queue;
};

// Messages. `application` is the actor's name.
struct Deploy { CallToken token; std::string application; ConfigPtr config; Force force; };
struct Remove { CallToken token; ConfigPtr nothing; Force force; };      // `nothing` has the name and no more
struct Claimed { Claim call; std::string owner; };
struct Retired { Retire call; uint32_t busy; };
struct Announced { std::vector<std::string> gateways; };
struct Done { Call call; };                                              // the other calls have no answer but that
struct CallFailed { Call call; };
struct AlarmFired {};
using Message = std::variant<Deploy, Remove, Claimed, Retired, Announced, Done, CallFailed, AlarmFired>;

// Answers.
struct Deployed { uint32_t version; };
struct Refused { std::string reason; };
using Answer = std::variant<Deployed, Refused>;

// Effects.
struct Reply { CallToken token; Answer answer; };
struct Reject { CallToken token; std::string reason; };                  // too many deploys wait
using Effect = std::variant<Reply, Reject, Call>;

// The record is one row.
using Change = State;

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, Transient transient, const Message& message, Instant now, const Limits& limits);
Step resume(const State& state);
std::optional<Instant> alarmAt(const State& state);
bool resting(const State& state, const Transient& transient);

}  // namespace meridian::application
