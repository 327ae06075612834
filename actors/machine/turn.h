// Turn: one step of a machine while it is being made. Only the machine's own sources use it. A step changes each row at most once,
// so what it reads is the state before.
#pragma once

#include "actors/machine/machine.h"

namespace meridian::machine {

struct Turn {
  const State& state;
  Transient transient;
  const Instant now;
  const Limits& limits;
  std::vector<Change> changes;
  std::vector<Effect> effects;

  const Row* find(const InstanceKey& key) const;

  // Null when the row is not there or has its exit.
  const Row* alive(const InstanceKey& key) const;

  // Of a row that is alive.
  Progress& progress(const InstanceKey& key) { return transient.instances[key]; }

  void reply(CallToken token, Answer answer);
  void call(Call call);
};

// Facts about a row that is alive.
void started(Turn& turn, const Row& row, Instant startedAt);
void ready(Turn& turn, const Row& row, const std::string& host);
void exited(Turn& turn, const Row& row, const Exit& exit);

// Launches within the row's start timeout; after it, asks the driver whether the instance is there at all.
void launch(Turn& turn, const Row& row);
void list(Turn& turn, Repeat repeat);

void onListed(Turn& turn, const Listed& message);

}  // namespace meridian::machine
