#include "sim/toys/bell-actor.h"

#include <kj/debug.h>

namespace meridian::sim {

// The alarm, and what the bell knows of it, in one turn.
void BellActor::wind(Row row) {
  auto due = env().now() + std::chrono::milliseconds(row.ms);
  row.dueNs = toNs(due);
  storage().put("row", row);
  storage().setAlarm(due);
}

kj::Promise<void> BellActor::set(SetContext context) {
  auto params = context.getParams();
  Row row;
  row.order = params.getOrder();
  row.ms = params.getMs();
  row.failures = params.getFailures();
  row.again = params.getAgain();
  row.owed = 1 + row.again;
  wind(row);
  return kj::READY_NOW;
}

kj::Promise<void> BellActor::clear(ClearContext context) {
  Row row;
  row.order = context.getParams().getOrder();
  storage().put("row", row);
  storage().clearAlarm();
  return kj::READY_NOW;
}

kj::Promise<void> BellActor::state(StateContext context) {
  auto now = row();
  auto results = context.getResults();
  results.setOrder(now.order);
  results.setPending(storage().alarm().has_value());
  results.setRings(now.rings);
  results.setOwed(now.owed);
  return kj::READY_NOW;
}

kj::Promise<void> BellActor::alarm(actor::AlarmInfo info) {
  auto now = row();
  listener_({env().self().name, now.order, info.tries, std::max(instantFromNs(now.dueNs), info.scheduled), env().now()});
  if (now.order % 2 == 0) return ring(info.tries);
  return env().await(env().after(std::chrono::milliseconds(3)), [this, order = now.order, tries = info.tries]() -> kj::Promise<void> {
    // Meanwhile somebody may have given another order.
    return row().order == order && storage().alarm() ? ring(tries) : kj::READY_NOW;
  });
}

kj::Promise<void> BellActor::ring(uint32_t tries) {
  auto now = row();
  ++now.rings;
  if (now.owed > 0) --now.owed;
  storage().put("row", now);
  if (tries < now.failures) return KJ_EXCEPTION(FAILED, "failed on purpose");
  if (now.again == 0) return kj::READY_NOW;
  --now.again;
  wind(now);
  return kj::READY_NOW;
}

}  // namespace meridian::sim
