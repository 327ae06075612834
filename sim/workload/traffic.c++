#include "sim/workload/traffic.h"

#include <csignal>

#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;

void Traffic::begin() {
  *flowing_ = true;
  recur(options_.requestEvery, [this]() { request(); });
  recur(options_.operationEvery, [this]() { operate(); });
  recur(options_.deployEvery, [this]() { deploy(); });
}

void Traffic::recur(Duration every, kj::Function<void()> act) {
  if (every == Duration::zero()) return;
  world_.stage().after(span(random_, 1ms, every * 2), [this, flowing = flowing_, every, act = kj::mv(act)]() mutable {
    if (!*flowing) return;
    act();
    recur(every, kj::mv(act));
  });
}

void Traffic::request() {
  auto gateway = world_.gateway(random_.below(world_.gateways().size()));
  if (gateway == nullptr) return;
  // Sometimes many at once, for one ID or for all.
  auto count = chance(random_, 0.2) ? number(random_, 2, 6) : 1;
  auto one = anyContainer();
  bool same = chance(random_, 0.5);
  for (uint64_t i = 0; i < count; ++i) gateway->send(same ? one : anyContainer(), span(random_, 1ms, options_.useMax));
}

void Traffic::operate() {
  auto& operators = world_.operators();
  auto& container = anyContainer();
  switch (random_.below(8)) {
    case 0:
    case 1: return operators.start(container);
    case 2:
    case 3: return operators.stop(container, chance(random_, 0.8) ? SIGTERM : SIGKILL);
    case 4:
    case 5: return operators.destroy(container);
    case 6: return operators.rollout(container, operators.version());
    case 7: return operators.look(container);
  }
}

void Traffic::deploy() {
  auto classes = options_.classes;
  for (auto& plan: classes) {
    plan.maxInstances = static_cast<uint32_t>(number(random_, 1, 3));
    plan.sleepAfter = span(random_, 500ms, 5s);
    plan.restart = static_cast<uint16_t>(random_.below(3));
  }
  if (chance(random_, 0.15)) classes.pop_back();
  world_.operators().deploy(classes, chance(random_, 0.3) ? schema::Force::YES : schema::Force::NO);
}

}  // namespace meridian::sim
