// GlobalScheduler: which location an instance goes to, and the meeting point of applications and gateways.
//
// Of each location it knows the last summary that the location's scheduler sent. A placement reserves nothing and writes
// nothing: the location decides on its own truth, and one that refuses is avoided when the same start is placed again. So an
// old summary costs a retry and never an oversold machine.
//
// A gateway that comes is told the applications, an application that comes the gateways; whichever comes second makes the two
// meet.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "actors/placement/placement.h"
#include "runtime/base/instance.h"
#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::global {

struct Limits {
  size_t locationsMax = 1'000;
  size_t gatewaysMax = 1'000;
  size_t applicationsMax = 10'000;
  size_t avoidMax = 64;                            // locations that one request may name
  placement::Limits placement;
};

// A location's summary.
struct Location {
  Resources total;
  Resources free;
  Instant reportedAt;
  friend bool operator==(const Location&, const Location&) = default;
};

struct State {
  std::map<LocationId, Location> locations;
  std::set<GatewayId> gateways;
  std::set<std::string> applications;
  friend bool operator==(const State&, const State&) = default;
};

struct Transient {};

// Messages.
struct ReportLocation { CallToken token; LocationId location; Resources total; Resources free; };
struct Place { CallToken token; InstanceKey instance; Resources need; std::vector<std::string> avoid; };
struct AddGateway { CallToken token; GatewayId gateway; };
struct AddApplication { CallToken token; std::string application; };
struct RemoveApplication { CallToken token; std::string application; };
using Message = std::variant<ReportLocation, Place, AddGateway, AddApplication, RemoveApplication>;

// Answers.
struct Acknowledged {};
struct Decided { placement::Decision decision; Instant at; };
struct Applications { std::vector<std::string> names; };
struct Gateways { std::vector<std::string> names; };
using Answer = std::variant<Acknowledged, Decided, Applications, Gateways>;

// Effects.
struct Reply { CallToken token; Answer answer; };
struct Reject { CallToken token; std::string reason; };          // over a limit, or not a summary
using Effect = std::variant<Reply, Reject>;

// Changes of the state, each a row of the record.
struct LocationSet { LocationId id; Location location; };
struct GatewayAdded { GatewayId gateway; };
struct ApplicationAdded { std::string application; };
struct ApplicationRemoved { std::string application; };
using Change = std::variant<LocationSet, GatewayAdded, ApplicationAdded, ApplicationRemoved>;

struct Step {
  std::vector<Change> changes;
  Transient transient;
  std::vector<Effect> effects;
};

Step step(const State& state, const Message& message, Instant now, const Limits& limits);
void apply(State& state, const Change& change);

}  // namespace meridian::global
