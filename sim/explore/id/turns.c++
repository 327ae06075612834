// The server's actors; turns-machine.c++ has the machines.
#include "sim/explore/id/turns.h"

#include "runtime/base/match.h"
#include "sim/explore/id/flights.h"

namespace meridian::explore::id {

namespace {

using Kind = Flight::Kind;
using Phase = Flight::Phase;

supervisor::Limits makeSupervisorLimits() {
  supervisor::Limits limits;
  limits.startTimeout = limits.lease = limits.drain = TICK;
  limits.retryFirst = limits.retryMax = TICK;
  limits.killAgainFirst = limits.killAgainMax = TICK;
  limits.restartFirst = limits.restartMax = limits.restartReset = TICK;
  return limits;
}

// Sweeps come every second tick, so that one does not fall into each idle check; a jump of time brings them together.
container_class::Limits makeClassLimits() {
  container_class::Limits limits;
  limits.permitAge = limits.sweepPause = TICK;
  limits.sweepEvery = 2 * TICK;
  return limits;
}

location::Limits makeLocationLimits() {
  location::Limits limits;
  limits.reservationAge = limits.sweepPause = limits.reportRetry = TICK;
  limits.sweepEvery = 2 * TICK;
  limits.reportEvery = Duration::zero();
  limits.placement.consideredMax = 1;
  return limits;
}

global::Limits makeGlobalLimits() {
  global::Limits limits;
  limits.placement.consideredMax = 1;
  return limits;
}

bool isOfSupervisor(const Flight& flight) { return flight.kind <= Kind::RECALL && flight.fate != Flight::Fate::FORGOTTEN; }

}  // namespace

const CallToken Turns::CALL = CallToken(1'000'000);

const supervisor::Limits& supervisorLimits() {
  static const auto LIMITS = makeSupervisorLimits();
  return LIMITS;
}

const container_class::Limits& classLimits() {
  static const auto LIMITS = makeClassLimits();
  return LIMITS;
}

const location::Limits& locationLimits() {
  static const auto LIMITS = makeLocationLimits();
  return LIMITS;
}

// ---------------------------------------------------------------------------------------
// Supervisor

std::optional<supervisor::Answer> Turns::toSupervisor(const supervisor::Message& message) {
  supervisorAnswer_.reset();
  loadSupervisor();
  auto before = state_.supervisor;
  Random random(0);
  run(supervisor::step(state_.supervisor, std::move(state_.supervisorTransient), message, state_.now, random, supervisorLimits()));

  if (auto exited = std::get_if<supervisor::InstanceExited>(&message)) {
    auto& known = state_.supervisor.lastExit;
    bool isNews = before.generation == exited->generation && !(state_.supervisor.life == before.life);
    if (isNews && (!known || known->code != exited->exit.code || known->signal != exited->exit.signal)) {
      complain("the supervisor does not know how generation " + std::to_string(exited->generation.value()) + " ended");
    }
  }
  return std::exchange(supervisorAnswer_, std::nullopt);
}

void Turns::loadSupervisor() {
  if (state_.supervisorIsLoaded) return;
  state_.supervisorIsLoaded = true;
  run(supervisor::resume(state_.supervisor, state_.now, supervisorLimits()));
}

void Turns::letSupervisorRest() {
  auto& transient = state_.supervisorTransient;
  bool nobodyWaits = transient.starts.empty() && transient.stops.empty() && transient.destroys.empty();
  if (!nobodyWaits || !supervisor::resting(state_.supervisor, transient)) return;
  if (std::any_of(state_.flights.begin(), state_.flights.end(), isOfSupervisor)) return;
  state_.supervisorIsLoaded = false;
  transient = {};
}

void Turns::run(supervisor::Step&& step) {
  auto before = state_.supervisor.generation;
  for (auto& change: step.changes) supervisor::apply(state_.supervisor, change);
  if (state_.supervisor.generation != before) {
    state_.wasExecuted = false;
    state_.drainsSince.reset();
  }
  if (std::holds_alternative<supervisor::Draining>(state_.supervisor.life) && !state_.drainsSince) state_.drainsSince = state_.now;
  state_.supervisorTransient = std::move(step.transient);
  for (auto& effect: step.effects) perform(effect);
}

void Turns::perform(const supervisor::Effect& effect) {
  std::visit(Match{
    [&](const supervisor::Reply& e) { answer(e.token, e.answer); },
    [&](const supervisor::Refuse& e) { answer(e.token, std::nullopt); },
    [&](const supervisor::Perform& e) { call(e.attempt); },
    [&](const supervisor::RetryAfter& e) {
      auto flight = toFlight(e.attempt);
      flight.phase = Phase::RETRY;
      flight.dueIn = 1;
      state_.flights.push_back(std::move(flight));
    },
    [](const supervisor::Journal&) {},
  }, effect);
}

void Turns::answer(CallToken token, const std::optional<supervisor::Answer>& answer) {
  if (token == CALL) {
    if (supervisorAnswer_) complain("the supervisor answers a call twice");
    supervisorAnswer_ = answer.value_or(supervisor::Acknowledged{});
    return;
  }
  if (state_.waiting.erase(token) == 0) return complain("the supervisor answers a caller twice");
  if (!answer) return;
  if (auto endpoint = std::get_if<supervisor::Endpoint>(&*answer)) granted(*endpoint);
}

void Turns::granted(const supervisor::Endpoint& endpoint) {
  auto generation = std::to_string(endpoint.generation.value());
  if (endpoint.generation != state_.supervisor.generation) complain("the gateway is given generation " + generation + ", which has ended");
  if (endpoint.generation <= state_.gateway.returned) complain("the gateway is given generation " + generation + " again, which it has returned");
  state_.gateway.holds = endpoint.generation;
  state_.gateway.grantedAt = state_.now;
}

void Turns::call(const supervisor::Attempt& attempt) {
  if (auto asked = std::get_if<supervisor::Place>(&attempt.call)) return place(*asked);
  state_.flights.push_back(toFlight(attempt));
}

// The global scheduler only reads what it was told before, so that its answer is under way at once.
void Turns::place(const supervisor::Place& call) {
  static const auto LIMITS = makeGlobalLimits();
  std::vector<std::string> avoid;
  for (auto& location: call.avoid) avoid.push_back(location.value());
  auto step = global::step(state_.global, global::Place{CALL, {container(), call.generation}, call.need, avoid}, state_.now, LIMITS);
  auto& decided = std::get<global::Decided>(std::get<global::Reply>(step.effects.at(0)).answer);
  auto flight = toFlight(supervisor::Attempt{call, 0});
  flight.phase = Phase::ANSWER;
  flight.detail = std::holds_alternative<placement::Plan>(decided.decision);
  state_.flights.push_back(std::move(flight));
}

// ---------------------------------------------------------------------------------------
// Keepers

std::optional<container_class::Answer> Turns::toClass(const container_class::Message& message) {
  auto step = container_class::step(state_.containerClass, state_.classTransient, message, state_.now, classLimits());
  for (auto& change: step.changes) container_class::apply(state_.containerClass, change);
  state_.classTransient = step.transient;
  std::optional<container_class::Answer> answer;
  std::vector<container_class::AskHolder> questions;
  for (auto& effect: step.effects) {
    std::visit(Match{
      [&](const container_class::Reply& e) { answer = e.answer; },
      [](const container_class::Reject&) {},
      [&](const container_class::AskHolder& e) { questions.push_back(e); },
    }, effect);
  }
  for (auto& question: questions) {
    if (question.id == neighbour().id) {
      toClass(container_class::HolderAnswered{question.id, question.generation, container_class::HolderAnswered::Holds::YES});
    } else {
      Flight flight;
      flight.kind = Kind::CLASS_ASKS;
      flight.generation = question.generation;
      state_.flights.push_back(std::move(flight));
    }
  }
  return answer;
}

std::optional<location::Answer> Turns::toLocation(const location::Message& message) {
  auto step = location::step(state_.location, state_.locationTransient, message, state_.now, locationLimits());
  for (auto& change: step.changes) location::apply(state_.location, change);
  state_.locationTransient = step.transient;
  std::optional<location::Answer> answer;
  std::vector<InstanceKey> questions;
  bool reports = false;
  for (auto& effect: step.effects) {
    std::visit(Match{
      [&](const location::Reply& e) { answer = e.answer; },
      [](const location::Reject&) {},
      [&](const location::AskHolder& e) { questions.push_back(e.instance); },
      [&](const location::ReportToGlobal&) { reports = true; },
    }, effect);
  }
  if (reports) reportToGlobal();
  for (auto& question: questions) {
    if (question.container == neighbour()) {
      toLocation(location::HolderAnswered{question, location::HolderAnswered::Holds::YES});
    } else {
      Flight flight;
      flight.kind = Kind::LOCATION_ASKS;
      flight.generation = question.generation;
      state_.flights.push_back(std::move(flight));
    }
  }
  return answer;
}

// A report changes only what a Place reads, so that it need not be apart from the turn that sends it.
void Turns::reportToGlobal() {
  static const auto LIMITS = makeGlobalLimits();
  auto sums = state_.location.sums;
  auto step = global::step(state_.global, global::ReportLocation{CALL, here(), sums.total, sums.free}, state_.now, LIMITS);
  for (auto& change: step.changes) global::apply(state_.global, change);
  toLocation(location::GlobalReported{sums});
}

}  // namespace meridian::explore::id
