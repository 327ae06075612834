// Turn: one step while it is being made. The state is copied at its first change; what is changed and asked for is collected and
// leaves as a Step. Only the supervisor's own sources use it.
#pragma once

#include <string>

#include "actors/supervisor/supervisor.h"

namespace meridian::supervisor {

class Turn {
 public:
  Turn(const State& before, Transient&& transient, Instant now, const Limits& limits)
      : transient(std::move(transient)), now(now), limits(limits), before_(before) {}

  Step finish() &&;

  const State& state() const { return after_ ? *after_ : before_; }
  State& change();
  Generation generation() const { return state().generation; }

  // The present life when it is an S of this generation, else null. The pointer dies with the next change.
  template <typename S>
  const S* in(Generation generation) const {
    return generation == state().generation ? std::get_if<S>(&state().life) : nullptr;
  }

  // Enters a state, and says so in the journal.
  void enter(Life life, std::string detail);

  void reply(CallToken token, Answer answer);
  void refuse(CallToken token, Fault fault, std::string message);
  void call(Call call);
  void effect(Effect effect);

  Transient transient;
  const Instant now;
  const Limits& limits;

 private:
  const State& before_;
  std::optional<State> after_;
  std::vector<Effect> effects_;
};

StateName nameOf(const Life& life);
Status statusOf(const State& state);

// first * 2^doublings, at most `max`.
Duration doubled(Duration first, uint32_t doublings, Duration max);

}  // namespace meridian::supervisor
