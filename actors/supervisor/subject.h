// For tests: one supervisor on a clock moved by hand, without a host. It applies what steps change and keeps what they ask for.
#pragma once

#include <algorithm>
#include <csignal>
#include <vector>

#include "actors/supervisor/supervisor.h"
#include "runtime/base/check.h"

namespace meridian::supervisor {

inline const MachineId M1{"m1"}, M2{"m2"};
inline const LocationId HERE{"here"};
inline const GatewayId G1{"g1"}, G2{"g2"};

inline Spec webSpec() {
  Spec spec;
  spec.version = 1;
  spec.image = "rootfs:/img";
  spec.need = {MicroCpu(62'500), MemoryMib(256), DiskMb(2'000)};
  spec.port = 8080;
  spec.sleepAfter = 600s;
  spec.stopGrace = 10s;
  spec.startTimeout = 30s;
  spec.words = "spec";
  return spec;
}

inline Decision chose(const std::string& tier, const std::string& name) {
  return {tier, instantFromNs(1), name, {{name, true, 0.5, "fits"}}, name.empty() ? "all full" : "best"};
}

inline Exit exitedWith(int32_t code) { return {StopReason::EXITED, code, {}, "", instantFromNs(7)}; }

class Subject {
 public:
  explicit Subject(Spec spec = webSpec()): spec(std::move(spec)) { transient.loadedAt = now; }

  void send(const Message& message) { take(step(state, std::move(transient), message, now, random, limits)); }

  // A crash, or a reset: what is not in the record is gone.
  void reload() {
    effects.clear();
    take(resume(state, now, limits));
  }

  void passTo(Instant instant) { now = instant; }
  void pass(Duration duration) { now += duration; }
  void alarm() {
    auto due = alarmAt(state, limits);
    check(due.has_value(), "no alarm is set");
    now = std::max(now, *due);
    send(AlarmDue{});
  }

  CallToken token() { return CallToken(++lastToken); }
  CallToken lease(GatewayId gateway = G1) { auto t = token(); send(Lease{t, gateway}); return t; }
  CallToken start(std::vector<EnvVar> env = {}) { auto t = token(); send(Start{t, std::move(env)}); return t; }
  CallToken stop(int32_t signal = SIGTERM) { auto t = token(); send(Stop{t, signal}); return t; }
  CallToken destroy() { auto t = token(); send(Destroy{t}); return t; }
  void exit(Exit exit, MachineId machine = M1) { send(InstanceExited{token(), state.generation, machine, std::move(exit)}); }
  void ready(MachineId machine = M1) { send(InstanceReady{token(), state.generation, machine, "10.0.0.2"}); }

  // The chain up to a state, answered by willing neighbours.
  void grant() { send(Granted{state.generation, spec}); }
  void place() { send(Placed{state.generation, chose("global", "here")}); }
  void reserve(MachineId machine = M1) { send(Reserved{state.generation, HERE, chose("here", machine.value())}); }
  void startOn(MachineId machine = M1) { grant(); place(); reserve(machine); send(Accepted{state.generation, machine}); }
  void run() { lease(); startOn(); ready(); }

  template <typename S>
  bool is() const { return std::holds_alternative<S>(state.life); }
  template <typename S>
  const S& life() const { return std::get<S>(state.life); }

  // The calls asked for since the last look, of one kind.
  template <typename C>
  std::vector<C> takeCalls() {
    std::vector<C> found;
    std::erase_if(effects, [&](const Effect& effect) {
      auto perform = std::get_if<Perform>(&effect);
      auto call = perform ? std::get_if<C>(&perform->attempt.call) : nullptr;
      if (call) found.push_back(*call);
      return call != nullptr;
    });
    return found;
  }

  template <typename E>
  std::vector<E> all() const {
    std::vector<E> found;
    for (auto& effect: effects) if (auto e = std::get_if<E>(&effect)) found.push_back(*e);
    return found;
  }

  // What was answered to a token; null while it waits.
  template <typename A>
  const A* answer(CallToken token) const {
    for (auto& effect: effects) {
      auto reply = std::get_if<Reply>(&effect);
      if (reply && reply->token == token) return std::get_if<A>(&reply->answer);
    }
    return nullptr;
  }
  const Refuse* refusal(CallToken token) const {
    for (auto& effect: effects) {
      auto refuse = std::get_if<Refuse>(&effect);
      if (refuse && refuse->token == token) return refuse;
    }
    return nullptr;
  }
  bool waits(CallToken token) const {
    for (auto& effect: effects) {
      if (auto reply = std::get_if<Reply>(&effect); reply && reply->token == token) return false;
    }
    return !refusal(token);
  }

  std::string journal() const {
    std::string text;
    for (auto& entry: all<Journal>()) text += (text.empty() ? "" : ", ") + std::string(toText(entry.state));
    return text;
  }

  State state;
  Transient transient;
  Spec spec;
  Limits limits;
  Instant now = instantFromNs(1'000'000'000'000);
  Random random{1};
  std::vector<Effect> effects;
  size_t writes = 0;
  uint64_t lastToken = 0;

 private:
  void take(Step step) {
    for (auto& change: step.changes) apply(state, change);
    writes += step.changes.size();
    transient = std::move(step.transient);
    for (auto& effect: step.effects) effects.push_back(std::move(effect));
  }
};

}  // namespace meridian::supervisor
