// One ID's whole world as a value: the records and transient parts of the shipped actors, what is under way between them, what their
// machines really run, and what callers, a gateway and the checks know.
//
// Three processes: the server (supervisor, class, location and global scheduler), and an agent with its driver on each of two machines.
//
// A turn and its commit are one move. That loses nothing: the gate lets nothing leave before the commit, so a crash between turn and
// commit looks, from everywhere, as if it had come before the turn. A crash after the commit may take any of the turn's effects with it.
//
// Within a process messages keep their order, as a loop's do, and none is lost while it lives. Between processes they have no order.
// What only reads what nothing else changes meanwhile, a placement by the global scheduler and a report to it, is part of the turn that
// asks. Machines are not interchangeable: of two that are alike the first is chosen by its name.
//
// Time goes in ticks. Each limit of the actors is one tick or a few, so that all that is due at one time may come in any order.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "actors/class/class.h"
#include "actors/global/global.h"
#include "actors/location/location.h"
#include "actors/machine/machine.h"
#include "actors/supervisor/supervisor.h"

namespace meridian::explore::id {

inline constexpr Duration TICK = std::chrono::seconds(60);
inline constexpr Instant NOW = instantFromNs(1'000'000'000'000'000'000);
inline constexpr uint8_t MACHINES = 2;

// What was sent and has not arrived: a call, its answer, or the timer of its repetition.
struct Flight {
  enum class Kind : uint8_t {
    // of the supervisor
    ACQUIRE, PLACE, RESERVE, RELEASE_PERMIT, RELEASE_RESERVATION,
    START, SIGNAL, KILL, REMOVE_LOGS, RECALL,
    // of the keepers
    CLASS_ASKS, LOCATION_ASKS,
    // of a machine to its driver
    LAUNCH, DRIVER_SIGNAL, DRIVER_KILL, ACKNOWLEDGE, LIST,
    // of a machine to the supervisor
    TELL_STARTED, TELL_READY, TELL_EXITED,
    // of clients and a gateway to the supervisor
    ASK_LEASE, ASK_START, ASK_STOP, ASK_DESTROY, ASK_ROLLOUT,
  };
  enum class Phase : uint8_t { CALL, ANSWER, RETRY };
  // Whether it will arrive. BROKEN: its sender will hear of a failure instead. DOUBTFUL: that, or it arrives. FORGOTTEN: its sender
  // has heard of a failure or is gone; it arrives or it does not, and nobody hears of it.
  enum class Fate : uint8_t { SOUND, BROKEN, DOUBTFUL, FORGOTTEN };

  Kind kind{};
  Phase phase = Phase::CALL;
  Fate fate = Fate::SOUND;
  uint8_t machine = 0;                 // whom it goes to or comes from
  Generation generation;
  uint8_t attempt = 0;
  uint8_t avoid = 0;                   // machines, one bit each; of a Place: 1 when the location refused
  uint8_t detail = 0;                  // by kind: a signal, a version, an answer, whether a list is repeated
  uint8_t end = 0;                     // of an exit, packed
  int8_t dueIn = 0;                    // of a RETRY, in ticks
  uint64_t round = 0;                  // of a list
  std::vector<machine::Report> reports;   // of a list's answer
  CallToken token;                     // of what clients ask

  friend bool operator==(const Flight&, const Flight&) = delete;
};

// A repetition that comes only once nothing else is left to come: the reconciliation of a machine.
inline constexpr int8_t SOME_DAY = 100;

// What really runs, or has ended and is kept until that is acknowledged.
struct Instance {
  enum class Ending : uint8_t { NO, BY_TERM, BY_KILL };
  Generation generation;
  std::optional<Exit> exit;
  bool wasExecuted = true;             // else its exec failed, which only the driver's memory knows
  bool isReady = false;
  bool isKept = true;                  // else acknowledged, and only facts are left
  Ending ending = Ending::NO;
  // Facts that the machine has not taken yet.
  bool tellsStarted = false, tellsReady = false, tellsExited = false;

  bool isAlive() const { return wasExecuted && !exit; }
};

struct Machine {
  machine::State record;
  Generation last;                     // part of the record that comes with messages
  machine::Transient transient;
  Generation shimLast;                 // the highest that the shim has seen since it started
  std::vector<Instance> instances;
};

struct Gateway {
  Generation holds;                    // a lease of it, granted at
  Instant grantedAt;
  Generation returned;                 // the last that was recalled
};

struct State {
  Instant now = NOW;
  supervisor::State supervisor;
  supervisor::Transient supervisorTransient;
  bool supervisorIsLoaded = false;
  container_class::State containerClass;
  container_class::Transient classTransient;
  location::State location;
  location::Transient locationTransient;
  global::State global;
  std::array<Machine, MACHINES> machines;
  std::vector<Flight> flights;         // in canonical order once it was read from bytes
  std::map<CallToken, Flight::Kind> waiting;   // callers without an answer
  Gateway gateway;
  bool wasExecuted = false;            // the present generation, somewhere
  std::optional<Instant> drainsSince;  // the present generation
  bool mayLeak = false;                // a crash of the server may have swallowed a release
};

// Names of the world.
const ContainerId& container();
const ContainerId& neighbour();        // takes a permit and room, so that class and machine are full
const LocationId& here();
const GatewayId& gateway();
MachineId machineName(uint8_t index);
uint8_t machineIndex(const MachineId& name);

// One version of the class's spec, as each actor sees it; 0: none.
inline constexpr uint8_t VERSIONS = 2;
const supervisor::Spec& spec(uint8_t version);
const Resources& need();

// The configured world before anything was asked.
State firstState();

}  // namespace meridian::explore::id
