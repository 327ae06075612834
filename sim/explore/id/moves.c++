#include "sim/explore/id/moves.h"

#include <algorithm>
#include <csignal>

#include "runtime/base/check.h"
#include "sim/explore/id/arrivals.h"
#include "sim/explore/id/checks.h"
#include "sim/explore/id/codec.h"
#include "sim/explore/id/faults.h"

namespace meridian::explore::id {

namespace {

using Kind = Move::Kind;
using Phase = Flight::Phase;
using Fate = Flight::Fate;

constexpr uint8_t FIRST_ASK = static_cast<uint8_t>(Flight::Kind::ASK_LEASE);
constexpr uint8_t LAST_ASK = static_cast<uint8_t>(Flight::Kind::ASK_ROLLOUT);
constexpr uint8_t PROCESSES = 3;
// What a neighbour takes.
constexpr uint8_t PERMIT = 0, ROOM = 1;

bool isDue(const Flight& flight) { return flight.phase != Phase::RETRY || flight.dueIn <= 0; }

bool isSomeDay(const Flight& flight) { return flight.phase == Phase::RETRY && flight.dueIn == SOME_DAY; }

// Flights are in order, so that those which are alike are side by side; callers of like requests are alike too.
bool isLikeTheOneBefore(const State& state, size_t index) {
  if (index == 0 || isLocal(state.flights[index])) return false;
  auto& left = state.flights[index - 1];
  auto& right = state.flights[index];
  auto list = [](const Flight& flight) { return flight.reports.size(); };
  return left.kind == right.kind && left.phase == right.phase && left.fate == right.fate && left.machine == right.machine &&
         left.generation == right.generation && left.attempt == right.attempt && left.avoid == right.avoid &&
         left.detail == right.detail && left.end == right.end && left.dueIn == right.dueIn && left.round == right.round &&
         list(left) == 0 && list(right) == 0;
}

std::optional<Instant> alarmOf(const State& state, Keeper keeper) {
  switch (keeper) {
    case Keeper::SUPERVISOR: return supervisor::alarmAt(state.supervisor, supervisorLimits());
    case Keeper::CLASS: return container_class::alarmAt(state.containerClass);
    case Keeper::LOCATION: return location::alarmAt(state.location);
  }
  return std::nullopt;
}

constexpr Keeper KEEPERS[] = {Keeper::SUPERVISOR, Keeper::CLASS, Keeper::LOCATION};

class Moves {
 public:
  explicit Moves(const State& state): state_(state) {}

  std::vector<Move> all() && {
    free();
    events();
    return std::move(moves_);
  }

 private:
  void add(Kind kind, size_t what = 0, size_t instance = 0) {
    check(what < 64 && instance < 4, "a state is small enough to number its moves");
    moves_.push_back({kind, static_cast<uint8_t>(what), static_cast<uint8_t>(instance)});
  }

  template <typename Visit>
  void eachFlight(Visit visit) {
    for (size_t i = 0; i < state_.flights.size(); ++i) {
      if (!isLikeTheOneBefore(state_, i)) visit(i, state_.flights[i]);
    }
  }

  template <typename Visit>
  void eachInstance(Visit visit) {
    for (uint8_t machine = 0; machine < MACHINES; ++machine) {
      auto& instances = state_.machines[machine].instances;
      for (size_t i = 0; i < instances.size(); ++i) visit(machine, i, instances[i]);
    }
  }

  void free() {
    std::array<bool, PROCESSES> hasFirst{};
    eachFlight([&](size_t i, const Flight& flight) {
      if (!isDue(flight)) return;
      if (isLocal(flight) && std::exchange(hasFirst.at(static_cast<size_t>(calleeOf(flight))), true)) return;
      arriving_.push_back(i);
      add(Kind::ARRIVE, i);
    });
    eachInstance([&](uint8_t machine, size_t i, const Instance& instance) {
      if (instance.tellsStarted || instance.tellsReady || instance.tellsExited) add(Kind::FACT, machine, i);
      if (instance.isAlive() && !instance.isReady) add(Kind::READY, machine, i);
      if (instance.isAlive() && instance.ending != Instance::Ending::NO) add(Kind::ENDS, machine, i);
    });
    for (auto keeper: KEEPERS) {
      auto at = alarmOf(state_, keeper);
      if (at && *at <= state_.now) add(Kind::ALARM, static_cast<uint8_t>(keeper));
    }
    if (moves_.empty()) letTimePass();
    eachFlight([&](size_t i, const Flight& flight) {
      if (flight.fate == Fate::DOUBTFUL) add(Kind::FAIL, i);
      if (flight.fate == Fate::FORGOTTEN) add(Kind::DROP, i);
    });
  }

  // In a calm world only what is still to be repeated waits for time.
  void letTimePass() {
    bool calm = isCalm(state_);
    if (repeats() || (!calm && hasAlarm())) return add(Kind::TICK);
    if (calm) return;
    eachFlight([&](size_t i, const Flight& flight) { if (isSomeDay(flight)) add(Kind::SOME_DAY_ARRIVES, i); });
  }

  bool repeats() const {
    return std::any_of(state_.flights.begin(), state_.flights.end(),
                       [](const Flight& flight) { return !isDue(flight) && !isSomeDay(flight); });
  }

  bool hasAlarm() const {
    return std::any_of(std::begin(KEEPERS), std::end(KEEPERS), [&](Keeper keeper) { return alarmOf(state_, keeper).has_value(); });
  }

  void events() {
    bool isBusy = !moves_.empty() && moves_.front().kind != Kind::TICK;
    auto version = std::get<container_class::Configured>(state_.containerClass.ownership).spec.version;
    for (auto ask = FIRST_ASK; ask <= LAST_ASK; ++ask) {
      if (ask != LAST_ASK || version < VERSIONS) add(Kind::ASK, ask);
    }
    eachInstance([&](uint8_t machine, size_t i, const Instance& instance) { if (instance.isAlive()) add(Kind::END, machine, i); });
    for (auto i: arriving_) {
      auto& flight = state_.flights[i];
      bool comes = flight.phase == Phase::CALL && flight.fate != Fate::BROKEN;
      if (comes && flight.kind == Flight::Kind::LAUNCH) add(Kind::EXEC_FAILS, i);
      if (comes && flight.kind == Flight::Kind::START) add(Kind::REFUSE, i);
      if (canBeCut(flight)) add(Kind::CUT, i);
    }
    for (uint8_t process = 0; process < PROCESSES; ++process) add(Kind::CRASH, process);
    for (uint8_t machine = 0; machine < MACHINES; ++machine) add(Kind::REBOOT, machine);
    if (isBusy && !isCalm(state_)) add(Kind::JUMP);
    add(state_.containerClass.permits.contains(neighbour().id) ? Kind::GIVE : Kind::TAKE, PERMIT);
    add(state_.location.reservations.contains(neighbour()) ? Kind::GIVE : Kind::TAKE, ROOM);
  }

  const State& state_;
  std::vector<size_t> arriving_;
  std::vector<Move> moves_;
};

// ---------------------------------------------------------------------------------------

Flight take(State& state, size_t index) {
  auto flight = std::move(state.flights.at(index));
  state.flights.erase(state.flights.begin() + index);
  return flight;
}

void endInstance(State& state, const Move& move, Exit exit) {
  auto& instance = state.machines[move.what].instances[move.instance];
  exit.at = NOW;
  instance.exit = exit;
  instance.tellsExited = true;
}

void becomeReady(State& state, const Move& move) {
  auto& instance = state.machines[move.what].instances[move.instance];
  instance.isReady = instance.tellsReady = true;
}

// What it was asked to do. Who obeys SIGTERM ends with code 0.
void ends(State& state, const Move& move) {
  bool killed = state.machines[move.what].instances[move.instance].ending == Instance::Ending::BY_KILL;
  endInstance(state, move, killed ? Exit{StopReason::SIGNALLED, {}, SIGKILL, "", {}} : Exit{StopReason::EXITED, 0, {}, "", {}});
}

void fireAlarm(Turns& turns, Keeper keeper) {
  switch (keeper) {
    case Keeper::SUPERVISOR: return turns.alarmOfSupervisor();
    case Keeper::CLASS: turns.toClass(container_class::AlarmFired{}); return;
    case Keeper::LOCATION: turns.toLocation(location::AlarmFired{}); return;
  }
}

void tick(State& state) {
  state.now += TICK;
  for (auto& flight: state.flights) {
    if (flight.phase == Phase::RETRY && flight.dueIn != SOME_DAY && flight.dueIn > 0) --flight.dueIn;
  }
  // Its lease has ended.
  if (state.gateway.grantedAt + supervisorLimits().lease <= state.now) state.gateway.holds = Generation(0);
}

void ask(State& state, Turns& turns, Flight::Kind kind) {
  if (kind == Flight::Kind::ASK_ROLLOUT) {
    turns.toClass(container_class::Configure{Turns::CALL, {"app", VERSIONS, 1, spec(VERSIONS).words}});
  }
  Flight flight;
  flight.kind = kind;
  flight.token = CallToken(state.waiting.size() + 1);
  while (state.waiting.contains(flight.token)) flight.token = CallToken(flight.token.value() + 1);
  state.waiting.emplace(flight.token, kind);
  state.flights.push_back(std::move(flight));
}

void neighbourTakes(Turns& turns, uint8_t what) {
  if (what == PERMIT) {
    turns.toClass(container_class::Acquire{Turns::CALL, neighbour().id, Generation(1)});
  } else {
    turns.toLocation(location::Reserve{Turns::CALL, {neighbour(), Generation(1)}, need(), {}});
  }
}

void neighbourGives(Turns& turns, uint8_t what) {
  if (what == PERMIT) {
    turns.toClass(container_class::Release{Turns::CALL, neighbour().id, Generation(1)});
  } else {
    turns.toLocation(location::Release{Turns::CALL, {neighbour(), Generation(1)}});
  }
}

// An agent that comes back wakes its machine first. A supervisor is woken by whoever comes.
void restart(State& state, Turns& turns, Process process) {
  crash(state, process);
  if (process == Process::MACHINE_1) turns.load(0);
  if (process == Process::MACHINE_2) turns.load(1);
}

void make(State& state, Turns& turns, const Move& move) {
  switch (move.kind) {
    case Kind::ARRIVE: case Kind::SOME_DAY_ARRIVES: return arrive(state, turns, take(state, move.what));
    case Kind::FACT: takeFact(state, turns, move.what, move.instance); return;
    case Kind::READY: return becomeReady(state, move);
    case Kind::ENDS: return ends(state, move);
    case Kind::ALARM: return fireAlarm(turns, static_cast<Keeper>(move.what));
    case Kind::TICK: case Kind::JUMP: return tick(state);
    case Kind::FAIL: return fail(state, turns, take(state, move.what));
    case Kind::DROP: take(state, move.what); return;
    case Kind::ASK: return ask(state, turns, static_cast<Flight::Kind>(move.what));
    case Kind::END: return endInstance(state, move, {StopReason::EXITED, 1, {}, "", {}});
    case Kind::EXEC_FAILS: return arrive(state, turns, take(state, move.what), Turns::Room::USUAL, Exec::FAILS);
    case Kind::REFUSE: return arrive(state, turns, take(state, move.what), Turns::Room::NONE);
    case Kind::CUT: return cut(state, move.what);
    case Kind::CRASH: return restart(state, turns, static_cast<Process>(move.what));
    case Kind::REBOOT:
      losePower(state, move.what);
      return restart(state, turns, move.what == 0 ? Process::MACHINE_1 : Process::MACHINE_2);
    case Kind::TAKE: return neighbourTakes(turns, move.what);
    case Kind::GIVE: return neighbourGives(turns, move.what);
  }
}

}  // namespace

Cost costOf(Kind kind) { return kind >= Kind::ASK ? Cost::EVENT : Cost::FREE; }

std::vector<Move> movesOf(const State& state) { return Moves(state).all(); }

std::string apply(State& state, const Move& move) {
  if (move.kind == Kind::TICK) {
    auto flaw = flawAsTimePasses(state);
    if (!flaw.empty()) return flaw;
  }
  Turns turns(state);
  try {
    make(state, turns, move);
  } catch (const CheckFailed& failed) {
    turns.complain(std::string("a check of an actor fails: ") + failed.what());
  }
  turns.letSupervisorRest();
  if (isCalm(state)) state.mayLeak = false;
  if (state.gateway.holds == Generation(0)) state.gateway.grantedAt = state.now;
  return turns.flaw.empty() ? flawOf(state) : turns.flaw;
}

}  // namespace meridian::explore::id
