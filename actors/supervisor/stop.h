// From Running to Stopped: leases are recalled, the instance is signalled and killed, its end is proven, and what it held is
// given back. Then somebody may wait for the next generation, or the restart policy wants one.
#pragma once

#include <csignal>

#include "actors/supervisor/turn.h"

namespace meridian::supervisor {

struct Site {
  MachineId machine;
  LocationId location;
};

// From Running; straight to Stopping when nobody holds a lease.
void enterDraining(Turn& turn, StopReason reason, int32_t signal);

// With SIGKILL it is killed at once.
void enterStopping(Turn& turn, const Site& site, StopReason reason, int32_t signal, Logs logs);

// When the policy starts it again; counts one more run that ended early unless it `ran` for long.
Instant restartTime(Turn& turn, Duration ran);

void onInstanceExited(Turn& turn, const InstanceExited& message);
void onRollout(Turn& turn, const Rollout& message);
void onStop(Turn& turn, const Stop& message);
void onDestroy(Turn& turn, const Destroy& message);
void onKillAnswered(Turn& turn, const KillAnswered& message);
void onRecalled(Turn& turn, const Recalled& message);
void onLogsRemoved(Turn& turn, const LogsRemoved& message);

// The deadlines of Draining and Stopping, and of Stopped with a restart.
void onDrainDeadline(Turn& turn);
void onKillDeadline(Turn& turn);

// The machine does not answer: those who wait for the removal of its logs are told.
void giveUpLogs(Turn& turn, const RemoveLogs& call, const std::string& fault);

}  // namespace meridian::supervisor
