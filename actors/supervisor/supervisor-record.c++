#include "actors/supervisor/supervisor-record.h"

#include <kj/debug.h>

#include <cmath>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::supervisor {

namespace {

using actor::read;
using actor::text;
using actor::write;
using Record = schema::SupervisorRecord;

double toFractionalMs(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

Duration fromFractionalMs(double ms) {
  // Up to here each nanosecond has a number of its own. What is no number fails both comparisons.
  KJ_REQUIRE(ms >= 0 && ms <= 1e9, "a supervisor's record has a time that no start can have taken", ms);
  return Duration(static_cast<int64_t>(ms * 1e6 + 0.5));
}

template <typename Name>
void writeNames(capnp::List<capnp::Text>::Builder to, const std::vector<Name>& names) {
  for (size_t i = 0; i < names.size(); ++i) to.set(i, names[i].value());
}

template <typename Name>
std::vector<Name> readNames(capnp::List<capnp::Text>::Reader from) {
  std::vector<Name> names;
  names.reserve(from.size());
  for (auto name: from) names.push_back(Name(text(name)));
  return names;
}

// A machine and its location, which several states have.
template <typename Builder, typename Life>
void writeSite(Builder to, const Life& life) {
  to.setMachine(life.machine.value());
  to.setLocation(life.location.value());
}

template <typename Life, typename Reader>
void readSite(Life& life, Reader from) {
  life.machine = MachineId(text(from.getMachine()));
  life.location = LocationId(text(from.getLocation()));
}

void writeLife(Record::State::Builder to, const Life& life) {
  std::visit(Match{
    [&](const Stopped& stopped) { to.initStopped().setRestartAtNs(stopped.restartAt ? toNs(*stopped.restartAt) : 0); },
    [&](const Placing& placing) {
      auto group = to.initPlacing();
      group.setSinceNs(toNs(placing.since));
      group.setDeadlineNs(toNs(placing.deadline));
      writeNames(group.initAvoid(placing.avoid.size()), placing.avoid);
      if (placing.reservedAt) group.setReservedAt(placing.reservedAt->value());
    },
    [&](const Starting& starting) {
      auto group = to.initStarting();
      writeSite(group, starting);
      group.setSinceNs(toNs(starting.since));
      group.setDeadlineNs(toNs(starting.deadline));
    },
    [&](const Running& running) {
      auto group = to.initRunning();
      writeSite(group, running);
      group.setHost(running.host);
      group.setStartedAtNs(toNs(running.startedAt));
      group.setHealthy(running.health == Health::HEALTHY);
      writeNames(group.initGateways(running.gateways.size()), running.gateways);
      group.setIdleCheckAtNs(toNs(running.idleCheckAt));
    },
    [&](const Draining& draining) {
      auto group = to.initDraining();
      writeSite(group, draining);
      group.setHost(draining.host);
      group.setStartedAtNs(toNs(draining.startedAt));
      writeNames(group.initGateways(draining.gateways.size()), draining.gateways);
      group.setReason(actor::toSchema(draining.reason));
      group.setSignal(draining.signal);
      group.setDeadlineNs(toNs(draining.deadline));
    },
    [&](const Stopping& stopping) {
      auto group = to.initStopping();
      writeSite(group, stopping);
      group.setReason(actor::toSchema(stopping.reason));
      group.setSignal(stopping.signal);
      group.setKillAtNs(toNs(stopping.killAt));
      group.setRemoveLogs(stopping.logs == Logs::REMOVE);
    },
  }, life);
}

Stopped readLife(Record::State::Stopped::Reader from) {
  if (from.getRestartAtNs() == 0) return {};
  return {instantFromNs(from.getRestartAtNs())};
}

Placing readLife(Record::State::Placing::Reader from) {
  Placing placing{instantFromNs(from.getSinceNs()), instantFromNs(from.getDeadlineNs()), readNames<MachineId>(from.getAvoid()), {}};
  if (from.getReservedAt().size() > 0) placing.reservedAt = LocationId(text(from.getReservedAt()));
  return placing;
}

Starting readLife(Record::State::Starting::Reader from) {
  Starting starting;
  readSite(starting, from);
  starting.since = instantFromNs(from.getSinceNs());
  starting.deadline = instantFromNs(from.getDeadlineNs());
  return starting;
}

Running readLife(Record::State::Running::Reader from) {
  Running running;
  readSite(running, from);
  running.host = text(from.getHost());
  running.startedAt = instantFromNs(from.getStartedAtNs());
  running.health = from.getHealthy() ? Health::HEALTHY : Health::UNHEALTHY;
  running.gateways = readNames<GatewayId>(from.getGateways());
  running.idleCheckAt = instantFromNs(from.getIdleCheckAtNs());
  return running;
}

Draining readLife(Record::State::Draining::Reader from) {
  Draining draining;
  readSite(draining, from);
  draining.host = text(from.getHost());
  draining.startedAt = instantFromNs(from.getStartedAtNs());
  draining.gateways = readNames<GatewayId>(from.getGateways());
  draining.reason = read(from.getReason());
  draining.signal = from.getSignal();
  draining.deadline = instantFromNs(from.getDeadlineNs());
  return draining;
}

Stopping readLife(Record::State::Stopping::Reader from) {
  Stopping stopping;
  readSite(stopping, from);
  stopping.reason = read(from.getReason());
  stopping.signal = from.getSignal();
  stopping.killAt = instantFromNs(from.getKillAtNs());
  stopping.logs = from.getRemoveLogs() ? Logs::REMOVE : Logs::KEEP;
  return stopping;
}

Life readLife(Record::State::Reader from) {
  switch (from.which()) {
    case Record::State::STOPPED: return readLife(from.getStopped());
    case Record::State::PLACING: return readLife(from.getPlacing());
    case Record::State::STARTING: return readLife(from.getStarting());
    case Record::State::RUNNING: return readLife(from.getRunning());
    case Record::State::DRAINING: return readLife(from.getDraining());
    case Record::State::STOPPING: return readLife(from.getStopping());
  }
  KJ_FAIL_REQUIRE("a supervisor's record is in a state that this build does not know", static_cast<uint16_t>(from.which()));
}

RestartPolicy readPolicy(schema::RestartPolicy from) {
  switch (from) {
    case schema::RestartPolicy::NEVER: return RestartPolicy::NEVER;
    case schema::RestartPolicy::ON_FAILURE: return RestartPolicy::ON_FAILURE;
    case schema::RestartPolicy::ALWAYS: return RestartPolicy::ALWAYS;
  }
  KJ_FAIL_REQUIRE("a restart policy that this build does not know", static_cast<uint16_t>(from));
}

// What must hold before a record is written and after it was read.
void expectWhole(const State& state) {
  bool needsSpec = !std::holds_alternative<Stopped>(state.life) && !std::holds_alternative<Placing>(state.life);
  KJ_REQUIRE(!needsSpec || state.spec, "a supervisor's record lacks the spec of the instance that it names");
  bool used = !std::holds_alternative<Stopped>(state.life);
  KJ_REQUIRE(!used || state.generation.value() > 0, "a supervisor's record lacks its generation");
}

}  // namespace

std::string encode(const State& state) {
  expectWhole(state);
  capnp::MallocMessageBuilder message;
  auto record = message.initRoot<Record>();
  record.setGeneration(state.generation.value());
  if (state.lastExit) write(record.initLastExit(), *state.lastExit);
  record.setRestarts(state.restarts);
  record.setShortRuns(state.shortRuns);
  if (state.spec) actor::inflate<schema::ClassSpec>(state.spec->words, [&](auto spec) { record.setSpec(spec); });
  if (state.readyAfter) record.setReadyMs(toFractionalMs(*state.readyAfter));
  auto decisions = record.initDecisions(state.decisions.size());
  for (size_t i = 0; i < state.decisions.size(); ++i) write(decisions[i], state.decisions[i]);
  write(record.initExtraEnv(state.extraEnv.size()), state.extraEnv);
  writeNames(record.initLogMachines(state.logMachines.size()), state.logMachines);
  writeLife(record.getState(), state.life);
  return actor::seal(message);
}

State decode(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto record = opened->get<Record>();
  State state;
  state.generation = Generation(record.getGeneration());
  if (record.hasLastExit()) state.lastExit = read(record.getLastExit());
  state.restarts = record.getRestarts();
  state.shortRuns = record.getShortRuns();
  if (record.hasSpec()) state.spec = readSpec(record.getSpec());
  if (auto readyAfter = fromFractionalMs(record.getReadyMs()); readyAfter > Duration::zero()) state.readyAfter = readyAfter;
  for (auto decision: record.getDecisions()) state.decisions.push_back(readDecision(decision));
  state.extraEnv = read(record.getExtraEnv());
  state.logMachines = readNames<MachineId>(record.getLogMachines());
  state.life = readLife(record.getState());
  expectWhole(state);
  return state;
}

Spec readSpec(schema::ClassSpec::Reader from) {
  Spec spec;
  spec.version = from.getVersion();
  spec.image = text(from.getImage());
  spec.need = read(from.getResources());
  if (from.getDefaultPort() != 0) spec.port = from.getDefaultPort();
  spec.sleepAfter = actor::durationFromMs(from.getSleepAfterMs());
  spec.stopGrace = actor::durationFromMs(from.getStopGraceMs());
  spec.startTimeout = actor::durationFromMs(from.getStartTimeoutMs());
  spec.restart = readPolicy(from.getRestart());
  spec.words = actor::flatten<schema::ClassSpec>(from);
  return spec;
}

Decision readDecision(schema::Decision::Reader from) {
  Decision decision{text(from.getTier()), instantFromNs(from.getAtNs()), text(from.getChosen()), {}, text(from.getReason())};
  for (auto candidate: from.getCandidates()) {
    KJ_REQUIRE(!std::isnan(candidate.getScore()), "a candidate's score is no number");
    decision.candidates.push_back({text(candidate.getName()), candidate.getFeasible(), candidate.getScore(), text(candidate.getReason())});
  }
  return decision;
}

void write(schema::Decision::Builder to, const Decision& decision) {
  to.setTier(decision.tier);
  to.setAtNs(toNs(decision.at));
  to.setChosen(decision.chosen);
  to.setReason(decision.reason);
  auto candidates = to.initCandidates(decision.candidates.size());
  for (size_t i = 0; i < decision.candidates.size(); ++i) {
    auto& candidate = decision.candidates[i];
    candidates[i].setName(candidate.name);
    candidates[i].setFeasible(candidate.feasible);
    candidates[i].setScore(candidate.score);
    candidates[i].setReason(candidate.reason);
  }
}

void write(schema::ContainerStatus::Builder to, const ContainerId& container, const Status& status) {
  write(to.initContainer(), container);
  to.setState(static_cast<schema::ContainerState>(status.state));
  to.setGeneration(status.generation.value());
  to.setMachine(status.machine.value());
  to.setLocation(status.location.value());
  if (status.lastExit) write(to.initLastExit(), *status.lastExit);
  to.setRestarts(status.restarts);
  if (status.startedAt) to.setStartedAtNs(toNs(*status.startedAt));
  if (status.readyAfter) to.setReadyMs(toFractionalMs(*status.readyAfter));
  to.setImage(status.image);
  to.setVersion(status.version);
}
static_assert(static_cast<uint16_t>(StateName::STOPPING) == static_cast<uint16_t>(schema::ContainerState::STOPPING),
              "StateName and schema::ContainerState have the same enumerants in the same order");

void write(schema::StartFailure::Builder to, const StartFailure& failure) {
  to.setCode(toText(failure.code));
  to.setMessage(failure.message);
  if (failure.retryAfter) to.setRetryAfterMs(toMs(*failure.retryAfter));
  if (failure.exit) write(to.initExit(), *failure.exit);
}

std::string encodeEvent(const ContainerId& container, const Journal& entry, Instant at) {
  capnp::MallocMessageBuilder message;
  auto event = message.initRoot<schema::Event>();
  event.setAtNs(toNs(at));
  write(event.initContainer(), container);
  event.setGeneration(entry.generation.value());
  event.setKind(toText(entry.state));
  event.setDetail(entry.detail);
  return actor::seal(message);
}

}  // namespace meridian::supervisor
