// walk(): the fields of a state, in order, for each port of ports.h. Reading makes what is missing.
#pragma once

#include "runtime/base/match.h"
#include "sim/explore/id/ports.h"

namespace meridian::explore::id {

inline InstanceKey keyOf(Generation generation) { return {container(), generation}; }

// A set of machines, a bit each.
inline uint8_t bitsOf(const std::vector<MachineId>& machines) {
  uint8_t bits = 0;
  for (auto& machine: machines) bits |= 1 << machineIndex(machine);
  return bits;
}

inline std::vector<MachineId> machinesOf(uint8_t bits) {
  std::vector<MachineId> machines;
  for (uint8_t i = 0; i < MACHINES; ++i) {
    if (bits & (1 << i)) machines.push_back(machineName(i));
  }
  return machines;
}

// ---------------------------------------------------------------------------------------
// Shapes

template <typename Port, typename Optional, typename Walk>
void walkOptional(Port& port, Optional& value, Walk walk) {
  uint8_t has = value.has_value();
  port.number(has);
  if constexpr (Port::READS) {
    if (has) value.emplace();
  }
  if (has) walk(*value);
}

template <typename Port, typename List, typename Walk>
void walkList(Port& port, List& list, Walk walk) {
  auto count = static_cast<uint8_t>(list.size());
  port.number(count);
  if constexpr (Port::READS) list.resize(count);
  for (auto& item: list) walk(item);
}

// Whether a thing that has only one value is there.
template <typename Port, typename Has, typename Put>
void walkFlag(Port& port, Has isThere, Put put) {
  uint8_t flag = isThere;
  port.number(flag);
  if constexpr (Port::READS) {
    if (flag) put();
  }
}

template <typename Port>
void walkMachine(Port& port, MachineId& name) {
  if constexpr (Port::READS) {
    uint8_t index;
    port.number(index);
    name = machineName(index);
  } else {
    port.number(machineIndex(name));
  }
}

template <typename Port>
void walkMachines(Port& port, std::vector<MachineId>& names) {
  auto bits = bitsOf(names);
  port.number(bits);
  if constexpr (Port::READS) names = machinesOf(bits);
}

template <typename Port>
void walkSpec(Port& port, std::optional<supervisor::Spec>& spec) {
  auto version = static_cast<uint8_t>(spec ? spec->version : 0);
  port.number(version);
  if constexpr (Port::READS) {
    if (version > 0) spec = id::spec(version);
  }
}

// How it ended, not when.
uint8_t pack(const Exit& exit);
Exit unpackExit(uint8_t packed);

template <typename Port>
void walkExit(Port& port, Exit& exit) {
  if constexpr (Port::READS) {
    uint8_t packed;
    port.number(packed);
    exit = unpackExit(packed);
  } else {
    port.number(pack(exit));
  }
}

// ---------------------------------------------------------------------------------------
// The supervisor

template <typename Port>
void walkLife(Port& port, supervisor::Life& life) {
  auto index = static_cast<uint8_t>(life.index());
  port.number(index);
  if constexpr (Port::READS) {
    static const supervisor::Life EMPTY[] = {supervisor::Stopped{}, supervisor::Placing{}, supervisor::Starting{},
                                             supervisor::Running{}, supervisor::Draining{}, supervisor::Stopping{}};
    life = EMPTY[index];
  }
  // Who waits for gateways, waits for the only one.
  auto gateways = [&](auto& held) { walkFlag(port, !held.empty(), [&] { held.push_back(gateway()); }); };
  auto place = [&](auto& at) {
    walkMachine(port, at.machine);
    if constexpr (Port::READS) at.location = here();
  };
  std::visit(Match{
    [&](supervisor::Stopped& stopped) { walkOptional(port, stopped.restartAt, [&](Instant& at) { port.instant(at); }); },
    [&](supervisor::Placing& placing) {
      port.instant(placing.since);
      port.instant(placing.deadline);
      walkMachines(port, placing.avoid);
      walkFlag(port, placing.reservedAt.has_value(), [&] { placing.reservedAt = here(); });
    },
    [&](supervisor::Starting& starting) {
      place(starting);
      port.instant(starting.since);
      port.instant(starting.deadline);
    },
    [&](supervisor::Running& running) {
      place(running);
      port.number(running.health);
      gateways(running.gateways);
      port.instant(running.idleCheckAt);
    },
    [&](supervisor::Draining& draining) {
      place(draining);
      gateways(draining.gateways);
      port.number(draining.reason);
      port.number(draining.signal);
      port.instant(draining.deadline);
    },
    [&](supervisor::Stopping& stopping) {
      place(stopping);
      port.number(stopping.reason);
      port.number(stopping.signal);
      port.instant(stopping.killAt);
      port.number(stopping.logs);
    },
  }, life);
}

template <typename Port>
void walkSupervisor(Port& port, supervisor::State& state) {
  port.generation(state.generation);
  uint8_t hasRestarted = state.restarts > 0;
  port.number(hasRestarted);
  if constexpr (Port::READS) state.restarts = hasRestarted;
  walkSpec(port, state.spec);
  walkMachines(port, state.logMachines);
  walkLife(port, state.life);
}

template <typename Port>
void walkSupervisorTransient(Port& port, supervisor::Transient& transient) {
  auto tokens = [&](auto& list) { walkList(port, list, [&](auto& token) { port.token(token); }); };
  port.instant(transient.loadedAt);
  walkList(port, transient.starts, [&](auto& waiter) {
    port.number(waiter.kind);
    port.token(waiter.token);
    if constexpr (Port::READS) waiter.gateway = gateway();
  });
  tokens(transient.stops);
  tokens(transient.destroys);

  auto& chain = transient.chain;
  port.number(chain.step);
  walkSpec(port, chain.spec);
  walkFlag(port, chain.location == here(), [&] { chain.location = here(); });
  walkMachines(port, chain.avoidMachines);
  walkFlag(port, !chain.avoidLocations.empty(), [&] { chain.avoidLocations.push_back(here()); });

  uint8_t knowsGateway = !transient.gateways.empty();
  port.number(knowsGateway);
  if (knowsGateway) {
    auto& activity = transient.gateways[gateway()];
    port.instant(activity.heardAt);
    port.instant(activity.activeAt);
  }
  port.instant(transient.touchedAt);
  walkFlag(port, !transient.returned.empty(), [&] { transient.returned.push_back(gateway()); });
  walkMachines(port, transient.removing);
}

// ---------------------------------------------------------------------------------------
// The keepers

// A row of a map for one key.
template <typename Port, typename Map, typename Key, typename Walk>
void walkRow(Port& port, Map& map, const Key& key, Walk walk) {
  uint8_t has = map.contains(key);
  port.number(has);
  if (has) walk(map[key]);
}

template <typename Port, typename Sweep>
void walkSweep(Port& port, Sweep& sweep) {
  walkOptional(port, sweep, [&](auto& at) {
    if constexpr (!Port::READS) check(!at.after, "a round of reconciliation is one batch");
    port.instant(at.at);
  });
}

template <typename Port>
void walkClass(Port& port, container_class::State& state) {
  uint8_t version = 0;
  if constexpr (!Port::READS) version = static_cast<uint8_t>(std::get<container_class::Configured>(state.ownership).spec.version);
  port.number(version);
  if constexpr (Port::READS) {
    state.ownership = container_class::Configured{{"app", version, 1, spec(version).words}};
  }
  walkRow(port, state.permits, container().id, [&](auto& permit) {
    port.generation(permit.generation);
    port.instant(permit.at);
  });
  walkRow(port, state.permits, neighbour().id, [&](auto& permit) {
    if constexpr (Port::READS) permit.generation = Generation(1);
    port.instant(permit.at);
  });
  walkSweep(port, state.sweep);
}

template <typename Port>
void walkReservations(Port& port, std::map<ContainerId, location::Reservation>& rows) {
  walkRow(port, rows, container(), [&](auto& reservation) {
    port.generation(reservation.generation);
    walkMachine(port, reservation.machine);
    port.instant(reservation.at);
  });
  walkRow(port, rows, neighbour(), [&](auto& reservation) {
    if constexpr (Port::READS) reservation.generation = Generation(1);
    walkMachine(port, reservation.machine);
    port.instant(reservation.at);
  });
}

// ---------------------------------------------------------------------------------------
// Machines

template <typename Port>
void walkMachineRow(Port& port, machine::Row& row) {
  port.generation(row.key.generation);
  uint8_t version = 0;
  if constexpr (!Port::READS) version = static_cast<uint8_t>(row.spec.words[0] - '0');
  port.number(version);
  if constexpr (Port::READS) {
    row.key.container = container();
    row.spec = {need(), TICK, spec(version).words};
    row.location = here();
  }
  port.instant(row.acceptedAt);
  walkOptional(port, row.exit, [&](auto& exit) { walkExit(port, exit); });
}

template <typename Port>
void walkProgress(Port& port, uint8_t machine, machine::Progress& progress) {
  port.number(progress.launch);
  port.number(progress.fate);
  walkFlag(port, progress.startedAt.has_value(), [&] { progress.startedAt = NOW; });
  port.number(progress.startedTold);
  walkFlag(port, progress.host.has_value(), [&] { progress.host = "h"; });
  port.number(progress.readyTold);
  port.round(machine, progress.round);
}

template <typename Port>
void walkInstance(Port& port, Instance& instance) {
  port.generation(instance.generation);
  walkOptional(port, instance.exit, [&](auto& exit) { walkExit(port, exit); });
  port.number(instance.wasExecuted);
  port.number(instance.isReady);
  port.number(instance.isKept);
  port.number(instance.ending);
  port.number(instance.tellsStarted);
  port.number(instance.tellsReady);
  port.number(instance.tellsExited);
}

// ---------------------------------------------------------------------------------------
// Under way

template <typename Port>
void walkReport(Port& port, machine::Report& report) {
  port.generation(report.key.generation);
  if constexpr (Port::READS) report.key.container = container();
  walkFlag(port, report.startedAt.has_value(), [&] { report.startedAt = NOW; });
  walkFlag(port, report.host.has_value(), [&] { report.host = "h"; });
  walkOptional(port, report.exit, [&](auto& exit) { walkExit(port, exit); });
}

// Without its token: those who ask the same are alike.
template <typename Port>
void walkFlight(Port& port, Flight& flight) {
  port.number(flight.kind);
  port.number(flight.phase);
  port.number(flight.fate);
  port.number(flight.machine);
  port.generation(flight.generation);
  port.number(flight.attempt);
  port.number(flight.avoid);
  port.number(flight.detail);
  port.number(flight.end);
  port.number(flight.dueIn);
  port.round(flight.machine, flight.round);
  walkList(port, flight.reports, [&](auto& report) { walkReport(port, report); });
}

}  // namespace meridian::explore::id
