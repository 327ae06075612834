// From Stopped to Running: who waits for a start, and the chain of calls that makes one.
#pragma once

#include "actors/supervisor/turn.h"

namespace meridian::supervisor {

enum class Cause { REQUEST, POLICY, ROLLOUT };

// Stopped -> Placing of the next generation. The new number is in the same write set as the state, so it is durable before use.
void beginStart(Turn& turn, Cause cause);

// Placing -> Stopped. Nothing of this generation is, or will be, on any machine.
void abandonStart(Turn& turn, const StartFailure& failure, std::optional<Exit> exit = std::nullopt);

// Placing -> Placing of the next generation; those who wait go on waiting.
void beginAnew(Turn& turn);

// Answers all who wait for a start; those of a rollout just learn that it is over.
void failStarts(Turn& turn, const StartFailure& failure);

// False when the caller was refused, because too many wait already.
bool waitForStart(Turn& turn, StartWaiter waiter);

StartInstance startCall(const State& state, const Starting& starting);
bool underWay(const Turn& turn, Generation generation, Chain::Step step);

void onLease(Turn& turn, const Lease& message);
void onStart(Turn& turn, const Start& message);
void onGranted(Turn& turn, const Granted& message);
void onClassFull(Turn& turn, const ClassFull& message);
void onClassUnknown(Turn& turn, const ClassUnknown& message);
void onPlaced(Turn& turn, const Placed& message);
void onReserved(Turn& turn, const Reserved& message);
void onAccepted(Turn& turn, const Accepted& message);
void onRefused(Turn& turn, const Refused& message);
void onInstanceStarted(Turn& turn, const InstanceStarted& message);
void onInstanceReady(Turn& turn, const InstanceReady& message);

// The deadlines of Placing and Starting.
void onPlacingDeadline(Turn& turn);
void onStartDeadline(Turn& turn);

}  // namespace meridian::supervisor
