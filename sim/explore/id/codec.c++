#include "sim/explore/id/codec.h"

#include <csignal>

#include "sim/explore/id/flights.h"
#include "sim/explore/id/walk.h"

namespace meridian::explore::id {

namespace {

enum class End : uint8_t { NONE, CODE_0, CODE_1, TERM, KILL };

End endOf(const Exit& exit) {
  if (exit.code) return *exit.code == 0 ? End::CODE_0 : End::CODE_1;
  if (exit.signal) return *exit.signal == SIGKILL ? End::KILL : End::TERM;
  return End::NONE;
}

template <typename Port>
void walkMachineSide(Port& port, uint8_t index, Machine& machine) {
  auto rows = static_cast<uint8_t>(machine.record.rows.size());
  port.number(rows);
  if constexpr (Port::READS) {
    for (uint8_t i = 0; i < rows; ++i) {
      machine::Row row;
      walkMachineRow(port, row);
      machine::apply(machine.record, machine::PutRow{std::move(row)});
    }
  } else {
    for (auto& [key, row]: machine.record.rows) walkMachineRow(port, row);
  }
  port.bound(machine.last);
  port.round(index, machine.transient.round);

  auto& known = machine.transient.instances;
  auto count = static_cast<uint8_t>(known.size());
  port.number(count);
  if constexpr (Port::READS) {
    for (uint8_t i = 0; i < count; ++i) {
      Generation generation;
      port.generation(generation);
      walkProgress(port, index, known[keyOf(generation)]);
    }
  } else {
    for (auto& [key, progress]: known) {
      port.generation(key.generation);
      walkProgress(port, index, progress);
    }
  }
  port.bound(machine.shimLast);
  walkList(port, machine.instances, [&](Instance& instance) { walkInstance(port, instance); });
}

// All but what is under way and who waits.
template <typename Port>
void walkPlaces(Port& port, State& state) {
  walkSupervisor(port, state.supervisor);
  port.number(state.supervisorIsLoaded);
  walkSupervisorTransient(port, state.supervisorTransient);
  walkClass(port, state.containerClass);
  port.number(state.classTransient.asked);

  if constexpr (!Port::READS) walkReservations(port, state.location.reservations);
  if constexpr (Port::READS) {
    std::map<ContainerId, location::Reservation> reservations;
    walkReservations(port, reservations);
    static const auto WITHOUT_RESERVATIONS = firstState().location;
    state.location = WITHOUT_RESERVATIONS;
    for (auto& [container, reservation]: reservations) {
      reservation.need = need();
      location::apply(state.location, location::ReservationSet{container, reservation});
    }
  }
  walkSweep(port, state.location.sweep);
  walkOptional(port, state.location.reportAt, [&](Instant& at) { port.instant(at); });
  port.number(state.locationTransient.asked);

  auto free = static_cast<uint8_t>(Port::READS ? 0 : state.global.locations[here()].free.cpu.value());
  port.number(free);
  if constexpr (Port::READS) {
    state.global.locations[here()] = {state.location.sums.total, {MicroCpu(free), MemoryMib(free), DiskMb(free)}, NOW};
  }

  for (uint8_t i = 0; i < MACHINES; ++i) walkMachineSide(port, i, state.machines[i]);
  port.bound(state.gateway.holds);
  port.instant(state.gateway.grantedAt);
  port.bound(state.gateway.returned);
  port.number(state.wasExecuted);
  port.number(state.mayLeak);
  walkOptional(port, state.drainsSince, [&](Instant& at) { port.instant(at); });
}

// What is under way, as bytes. What is local keeps its order, by process; all else has none.
struct Written {
  Process queue;                       // OUTSIDE: none
  std::string_view bytes;
  CallToken token;
};

bool comesBefore(const Written& left, const Written& right) {
  if (left.queue != right.queue) return left.queue < right.queue;
  return left.queue == Process::OUTSIDE && left.bytes < right.bytes;
}

using Kind = Flight::Kind;
constexpr uint8_t NOBODY = 255;

uint8_t kindOf(const State& state, CallToken token) {
  auto found = state.waiting.find(token);
  return found == state.waiting.end() ? NOBODY : static_cast<uint8_t>(found->second);
}

// Those whom somebody remembers in the order in which they are met; then the forgotten ones, by kind.
std::string waitingBytes(const State& state, const std::vector<CallToken>& met) {
  std::string bytes;
  for (auto token: met) bytes.push_back(static_cast<char>(kindOf(state, token)));
  auto forgotten = bytes.size();
  for (auto& [token, kind]: state.waiting) {
    if (std::find(met.begin(), met.end(), token) == met.end()) bytes.push_back(static_cast<char>(kind));
  }
  std::sort(bytes.begin() + forgotten, bytes.end());
  return bytes;
}

}  // namespace

uint8_t pack(const Exit& exit) { return static_cast<uint8_t>(static_cast<uint8_t>(exit.reason) << 3 | static_cast<uint8_t>(endOf(exit))); }

Exit unpackExit(uint8_t packed) {
  Exit exit{static_cast<StopReason>(packed >> 3), {}, {}, "", NOW};
  switch (static_cast<End>(packed & 7)) {
    case End::NONE: break;
    case End::CODE_0: exit.code = 0; break;
    case End::CODE_1: exit.code = 1; break;
    case End::TERM: exit.signal = SIGTERM; break;
    case End::KILL: exit.signal = SIGKILL; break;
  }
  return exit;
}

std::string encode(const State& constState, Numbers numbers) {
  auto& state = const_cast<State&>(constState);      // only the reading port writes
  AllRanks ranks;
  Collector collector(ranks);
  walkPlaces(collector, state);
  for (auto& flight: state.flights) walkFlight(collector, flight);

  Writer places(ranks, state.now, numbers);
  walkPlaces(places, state);

  auto placesSize = places.size();
  std::vector<Written> flights;
  flights.reserve(state.flights.size());
  std::vector<size_t> begins;
  for (auto& flight: state.flights) {
    begins.push_back(places.size());
    walkFlight(places, flight);
  }
  begins.push_back(places.size());
  auto all = places.bytesFrom(0);
  for (size_t i = 0; i < state.flights.size(); ++i) {
    auto& flight = state.flights[i];
    flights.push_back({isLocal(flight) ? calleeOf(flight) : Process::OUTSIDE, all.substr(begins[i], begins[i + 1] - begins[i]), flight.token});
  }
  std::stable_sort(flights.begin(), flights.end(), comesBefore);

  auto& met = places.tokens;
  std::string bytes;
  bytes.reserve(all.size() + state.waiting.size() + 1);
  bytes += all.substr(0, placesSize);
  bytes.push_back(static_cast<char>(flights.size()));
  for (auto& flight: flights) {
    bytes += flight.bytes;
    if (flight.token != CallToken()) met.push_back(flight.token);
  }
  return bytes + waitingBytes(state, met);
}

State decode(std::string_view bytes) {
  State state;
  Reader reader(bytes);
  walkPlaces(reader, state);
  walkList(reader, state.flights, [&](Flight& flight) {
    walkFlight(reader, flight);
    if (flight.kind >= Kind::ASK_LEASE) reader.token(flight.token);
  });
  for (uint64_t token = 1; !reader.isAtEnd(); ++token) {
    uint8_t kind;
    reader.number(kind);
    if (kind != NOBODY) state.waiting.emplace(CallToken(token), static_cast<Kind>(kind));
  }
  return state;
}

}  // namespace meridian::explore::id
