#include "sim/cluster/storm.h"

namespace meridian::sim {

using namespace std::chrono_literals;

namespace {

constexpr uint32_t DOOM_EVENTS_MAX = 60;   // a process dies within so many events

}  // namespace

void ClusterStorm::begin() {
  cluster_.stage().say("storm", "begins");
  faults_.begin();
  cluster_.network().setWeather(options_.weather);
  for (auto* process: cluster_.mortals()) process->setDiskMood(options_.disk);
  faults_.every(options_.partitionEvery, [this]() { partition(); });
  faults_.every(options_.clockStepEvery, [this]() { stepClock(); });
  for (size_t i = 0; i < cluster_.serverCount(); ++i) {
    auto& server = cluster_.server(i);
    mortal(server, options_.server);
    faults_.every(options_.ghostEvery, [this, &server]() { haunt(server); });
  }
  for (size_t i = 0; i < cluster_.clientCount(); ++i) mortal(cluster_.client(i), options_.client);
}

void ClusterStorm::end() {
  cluster_.stage().say("storm", "ends");
  faults_.end();
  cluster_.course().spare();
  cluster_.network().setWeather({});
  cluster_.network().healAll();
  for (auto* process: cluster_.mortals()) {
    process->spare();
    process->endGhost();
    process->setDiskMood({});
    process->start();
  }
}

// It dies now and then, and comes back each time.
void ClusterStorm::mortal(SimProcess& process, const Deaths& deaths) {
  process.onDeath([this, &process, downMax = deaths.downMax]() {
    faults_.after(span(random_, 1ms, downMax), [&process]() { process.start(); });
  });
  faults_.every(deaths.every, [this, &process]() { kill(process); });
}

// Three ways to die: now, in the middle of what it does, or when something has just become durable.
void ClusterStorm::kill(SimProcess& process) {
  switch (random_.below(3)) {
    case 0: process.kill(); break;
    case 1: cluster_.course().doom(process, static_cast<uint32_t>(number(random_, 1, DOOM_EVENTS_MAX))); break;
    case 2: process.dieAtCommit(); break;
  }
}

void ClusterStorm::partition() {
  auto mortals = cluster_.mortals();
  auto& left = mortals[random_.below(mortals.size())]->name();
  auto& right = mortals[random_.below(mortals.size())]->name();
  if (left == right) return;
  cluster_.network().cut(left, right);
  if (chance(random_, 0.6)) cluster_.network().cut(right, left);
  faults_.after(span(random_, 100ms, options_.partitionMax), [this]() { cluster_.network().healAll(); });
}

void ClusterStorm::haunt(SimProcess& server) {
  server.beginGhost();
  faults_.after(span(random_, 1ms, options_.ghostMax), [&server]() { server.endGhost(); });
}

void ClusterStorm::stepClock() {
  auto& server = cluster_.server(random_.below(cluster_.serverCount()));
  cluster_.stage().say(server.name(), "its clock steps");
  server.setClockOffset(span(random_, -options_.clockSpread, options_.clockSpread));
}

}  // namespace meridian::sim
