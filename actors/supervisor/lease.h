// Endpoint leases and sleep: who may send bytes to the instance, and whether anybody does.
#pragma once

#include "actors/supervisor/turn.h"

namespace meridian::supervisor {

// In Running. A new holder is written down first, so that a supervisor after a crash still recalls it.
void grantLease(Turn& turn, CallToken token, const GatewayId& gateway);

void onReport(Turn& turn, const Report& message);

// In Running: sleeps, or says when to look again.
void onIdleCheck(Turn& turn);

}  // namespace meridian::supervisor
