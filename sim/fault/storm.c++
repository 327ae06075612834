#include "sim/fault/storm.h"

#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

constexpr uint32_t DOOM_EVENTS_MAX = 60;   // a process dies within so many events

}  // namespace

void Storm::begin() {
  world_.stage().say("storm", "begins");
  *raging_ = true;
  setMoods(options_.weather, options_.disk, options_.machine);
  recur(options_.partitionEvery, [this]() { partition(); });
  recur(options_.rebootEvery, [this]() { reboot(); });
  mortal(world_.server(), options_.server);
  for (auto& agent: world_.agents()) mortal(*agent, options_.agent);
  for (auto& gateway: world_.gateways()) mortal(*gateway, options_.gateway);
}

void Storm::end() {
  world_.stage().say("storm", "ends");
  *raging_ = false;
  world_.spareAll();
  setMoods({}, {}, {});
  world_.network().healAll();
  for (auto* process: world_.mortals()) process->start();
}

void Storm::setMoods(const Weather& weather, const DiskMood& disk, const MachineMood& machine) {
  world_.network().setWeather(weather);
  for (auto* process: world_.mortals()) process->setDiskMood(disk);
  for (size_t i = 0; i < world_.machineCount(); ++i) world_.machine(i).setMood(machine);
}

// Again and again, at irregular times.
void Storm::recur(Duration every, kj::Function<void()> fault) {
  if (every == Duration::zero()) return;
  world_.stage().after(span(random_, 1ms, every * 2), [this, raging = raging_, every, fault = kj::mv(fault)]() mutable {
    if (!*raging) return;
    fault();
    recur(every, kj::mv(fault));
  });
}

// It dies now and then, and comes back each time.
void Storm::mortal(SimProcess& process, const Deaths& deaths) {
  process.onDeath([this, &process, raging = raging_, downMax = deaths.downMax]() {
    if (!*raging) return;
    world_.stage().after(span(random_, 1ms, downMax), [&process, raging]() {
      if (*raging) process.start();
    });
  });
  recur(deaths.every, [this, &process]() { kill(process); });
}

// Three ways to die: now, in the middle of what it does, or when something has just become durable.
void Storm::kill(SimProcess& process) {
  switch (random_.below(3)) {
    case 0: process.kill(); break;
    case 1: world_.doom(process, static_cast<uint32_t>(number(random_, 1, DOOM_EVENTS_MAX))); break;
    case 2: process.dieAtCommit(); break;
  }
}

void Storm::partition() {
  auto mortals = world_.mortals();
  auto& left = mortals[random_.below(mortals.size())]->name();
  auto& right = mortals[random_.below(mortals.size())]->name();
  if (left == right) return;
  world_.network().cut(left, right);
  if (chance(random_, 0.6)) world_.network().cut(right, left);
  world_.stage().after(span(random_, 100ms, options_.partitionMax), [this, raging = raging_]() {
    if (*raging) world_.network().healAll();
  });
}

void Storm::reboot() {
  auto index = random_.below(world_.machineCount());
  world_.agents()[index]->kill();
  world_.machine(index).reboot();
}

}  // namespace meridian::sim
