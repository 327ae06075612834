#include "actors/global/global.h"

#include "runtime/base/match.h"

namespace meridian::global {

namespace {

Step reply(CallToken token, Answer answer) { return {{}, {}, {Reply{token, std::move(answer)}}}; }
Step reject(CallToken token, std::string reason) { return {{}, {}, {Reject{token, std::move(reason)}}}; }

std::string oneTooMany(const std::string& kind, const std::string& name, size_t max) {
  return kind + " " + name + " is one too many; allowed in a platform: " + std::to_string(max);
}

// A report that says nothing new is not worth a commit.
Step onReportLocation(const State& state, const ReportLocation& report, Instant now, const Limits& limits) {
  auto& [token, id, total, free] = report;
  if (!fits(free, total)) return reject(token, "location " + id.value() + " reports more free than it has in all");
  auto known = state.locations.find(id);
  if (known == state.locations.end() && state.locations.size() >= limits.locationsMax) {
    return reject(token, oneTooMany("location", id.value(), limits.locationsMax));
  }
  auto result = reply(token, Acknowledged{});
  if (known == state.locations.end() || known->second.total != total || known->second.free != free) {
    result.changes.push_back(LocationSet{id, {total, free, now}});
  }
  return result;
}

Step onPlace(const State& state, const Place& place, Instant now, const Limits& limits) {
  std::vector<placement::Candidate> candidates;
  candidates.reserve(state.locations.size());
  for (auto& [id, location]: state.locations) candidates.push_back({id.value(), location.total, location.free});
  auto decision = placement::decide(candidates, {"location", place.need, place.avoid}, placement::Policy::SPREAD,
                                    limits.placement);
  return reply(place.token, Decided{std::move(decision), now});
}

Step onAddGateway(const State& state, const AddGateway& add, const Limits& limits) {
  bool isKnown = state.gateways.count(add.gateway) != 0;
  if (!isKnown && state.gateways.size() >= limits.gatewaysMax) {
    return reject(add.token, oneTooMany("gateway", add.gateway.value(), limits.gatewaysMax));
  }
  auto result = reply(add.token, Applications{{state.applications.begin(), state.applications.end()}});
  if (!isKnown) result.changes.push_back(GatewayAdded{add.gateway});
  return result;
}

Step onAddApplication(const State& state, const AddApplication& add, const Limits& limits) {
  bool isKnown = state.applications.count(add.application) != 0;
  if (!isKnown && state.applications.size() >= limits.applicationsMax) {
    return reject(add.token, oneTooMany("application", add.application, limits.applicationsMax));
  }
  Gateways gateways;
  for (auto& gateway: state.gateways) gateways.names.push_back(gateway.value());
  auto result = reply(add.token, std::move(gateways));
  if (!isKnown) result.changes.push_back(ApplicationAdded{add.application});
  return result;
}

Step onRemoveApplication(const State& state, const RemoveApplication& remove) {
  auto result = reply(remove.token, Acknowledged{});
  if (state.applications.count(remove.application) != 0) result.changes.push_back(ApplicationRemoved{remove.application});
  return result;
}

}  // namespace

Step step(const State& state, const Message& message, Instant now, const Limits& limits) {
  return std::visit(Match{
      [&](const ReportLocation& report) { return onReportLocation(state, report, now, limits); },
      [&](const Place& place) { return onPlace(state, place, now, limits); },
      [&](const AddGateway& add) { return onAddGateway(state, add, limits); },
      [&](const AddApplication& add) { return onAddApplication(state, add, limits); },
      [&](const RemoveApplication& remove) { return onRemoveApplication(state, remove); },
  }, message);
}

void apply(State& state, const Change& change) {
  std::visit(Match{
      [&](const LocationSet& set) { state.locations[set.id] = set.location; },
      [&](const GatewayAdded& added) { state.gateways.insert(added.gateway); },
      [&](const ApplicationAdded& added) { state.applications.insert(added.application); },
      [&](const ApplicationRemoved& removed) { state.applications.erase(removed.application); },
  }, change);
}

}  // namespace meridian::global
