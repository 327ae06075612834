// For tests: one machine on a clock moved by hand, without a host. It applies what steps change and keeps what they ask for.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "actors/machine/machine.h"

namespace meridian::machine {

inline InstanceKey key(const std::string& id, uint64_t generation) {
  return {{ClassName("Sandbox"), id}, Generation(generation)};
}

inline Spec smallSpec() { return {{MicroCpu(100), MemoryMib(100), DiskMb(100)}, 30s, "spec"}; }

inline Exit exitedWith(int32_t code) { return {StopReason::EXITED, code, {}, "", instantFromNs(7)}; }

class Subject {
 public:
  Subject() { limits.capacity = {MicroCpu(250), MemoryMib(1000), DiskMb(1000)}; }

  void send(const Message& message) { take(step(state, std::move(transient), message, now, random, limits)); }
  void reload() {
    effects.clear();
    take(resume(state, now, limits));
  }
  Generation last(const InstanceKey& k) const {
    auto found = lasts.find(k.container);
    return found == lasts.end() ? Generation(0) : found->second;
  }
  CallToken token() { return CallToken(++lastToken); }

  CallToken start(const InstanceKey& k, Spec spec = smallSpec()) {
    auto t = token();
    send(Start{t, k, std::move(spec), {}, LocationId("here"), last(k)});
    return t;
  }
  CallToken kill(const InstanceKey& k) {
    auto t = token();
    send(Kill{t, k, last(k)});
    return t;
  }
  void started(const InstanceKey& k) { send(DriverStarted{token(), k, instantFromNs(5)}); }
  void ready(const InstanceKey& k) { send(DriverReady{token(), k, "10.0.0.2"}); }
  void exit(const InstanceKey& k, Exit exit = exitedWith(0)) { send(DriverExited{token(), k, std::move(exit)}); }
  void acknowledged(const InstanceKey& k) { send(CallDone{TellExited{k, exitedWith(0)}}); }
  void listed(std::vector<Report> instances, Repeat repeat = Repeat::ONCE) {
    send(Listed{{transient.round, repeat}, std::move(instances)});
  }

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
  template <typename A>
  const A* answer(CallToken t) const {
    for (auto& effect: effects) {
      auto reply = std::get_if<Reply>(&effect);
      if (reply && reply->token == t) return std::get_if<A>(&reply->answer);
    }
    return nullptr;
  }

  State state;
  Transient transient;
  std::map<ContainerId, Generation> lasts;
  Limits limits;
  Instant now = instantFromNs(1'000'000'000'000);
  Random random{1};
  std::vector<Effect> effects;
  size_t writes = 0;
  uint64_t lastToken = 0;

 private:
  void take(Step step) {
    for (auto& change: step.changes) {
      machine::apply(state, change);
      if (auto raise = std::get_if<RaiseLast>(&change)) lasts[raise->key.container] = raise->key.generation;
    }
    writes += !step.changes.empty();
    transient = std::move(step.transient);
    for (auto& effect: step.effects) effects.push_back(std::move(effect));
  }
};

}  // namespace meridian::machine
