// The activations of supervisors and machines, and how their effects become calls of the world.
#include <csignal>

#include "runtime/base/match.h"
#include "tests/interplay/world.h"

namespace meridian::interplay {

namespace {

const LocationId HERE("here");

supervisor::Decision decide(const std::string& tier, const std::string& chosen) {
  return {tier, {}, chosen, {}, chosen.empty() ? "full" : "fits"};
}

}  // namespace

// ---------------------------------------------------------------------------------------
// Supervisor

void SupervisorHost::ask(const std::function<supervisor::Message(CallToken)>& make, Done<supervisor::Answer> done) {
  load();
  CallToken token(++lastToken_);
  waiting_.emplace(token, std::move(done));
  tell(make(token));
}

void SupervisorHost::tell(const supervisor::Message& message) {
  load();
  run(supervisor::step(state_, std::move(transient_), message, world_.now, world_.random, {}));
}

void SupervisorHost::alarm(Instant due) {
  if (supervisor::alarmAt(state_, {}) == due) tell(supervisor::AlarmDue{});
}

void SupervisorHost::load() {
  while (!loaded_) {
    loaded_ = true;
    run(supervisor::resume(state_, world_.now, {}));
  }
}

void SupervisorHost::run(supervisor::Step step) {
  bool crashes = world_.chance(world_.faults.crash);
  bool committed = !crashes || world_.chance(500);
  if (committed) {
    for (auto& change: step.changes) supervisor::apply(state_, change);
    auto due = supervisor::alarmAt(state_, {});
    if (!step.changes.empty() && due) {
      world_.after(std::max(*due - world_.now, Duration::zero()), [this, due = *due] { alarm(due); });
    }
  }
  if (crashes) return crash();
  transient_ = std::move(step.transient);
  for (auto& effect: step.effects) perform(effect);
}

void SupervisorHost::crash() {
  ++world_.crashes;
  ++epoch_;
  loaded_ = false;
  transient_ = {};
  for (auto& [token, done]: std::exchange(waiting_, {})) done(std::nullopt);
  // The alarm that was running when it crashed is tried again.
  if (auto due = supervisor::alarmAt(state_, {}); due && *due <= world_.now) {
    world_.after(2s, [this, due = *due] { alarm(due); });
  }
}

void SupervisorHost::perform(const supervisor::Effect& effect) {
  auto finish = [&](CallToken token, std::optional<supervisor::Answer> answer) {
    auto found = waiting_.find(token);
    if (found == waiting_.end()) return world_.complain(toText(container_) + " answered a caller twice");
    auto done = std::move(found->second);
    waiting_.erase(found);
    done(std::move(answer));
  };
  std::visit(Match{
    [&](const supervisor::Reply& e) { finish(e.token, e.answer); },
    [&](const supervisor::Refuse& e) { finish(e.token, supervisor::Acknowledged{}); },
    [&](const supervisor::Perform& e) { call(e.attempt); },
    [&](const supervisor::RetryAfter& e) {
      world_.after(e.delay, [this, epoch = epoch_, attempt = e.attempt] {
        if (epoch == epoch_) tell(supervisor::RetryDue{attempt});
      });
    },
    [](const supervisor::Journal&) {},
  }, effect);
}

void SupervisorHost::call(const supervisor::Attempt& attempt) {
  using namespace supervisor;
  using Reaction = std::optional<Message>;
  auto& keepers = world_.keepers;
  // The callee computes the message that the supervisor gets as its answer; none: the answer says nothing.
  auto send = [&](std::function<void(Done<Reaction>)> callee) {
    world_.call<Reaction>(std::move(callee), [this, attempt, epoch = epoch_](std::optional<Reaction> reaction) {
      if (epoch != epoch_) return;
      if (!reaction) return tell(CallFailed{attempt, "cut"});
      if (*reaction) tell(**reaction);
    });
  };
  auto sendNow = [&](std::function<Reaction()> callee) { send([callee](Done<Reaction> done) { done(callee()); }); };

  auto container = container_;
  std::visit(Match{
    [&](const Acquire& c) {
      sendNow([&keepers, &world = world_, container, c]() -> Reaction {
        auto held = keepers.permits.find(container);
        if (held == keepers.permits.end() && keepers.permits.size() >= keepers.maxInstances) return ClassFull{c.generation, 4};
        if (held == keepers.permits.end() || held->second < c.generation) keepers.permits[container] = c.generation;
        return Granted{c.generation, world.spec};
      });
    },
    [&](const Place& c) {
      sendNow([c]() -> Reaction { return Placed{c.generation, decide("global", c.avoid.empty() ? HERE.value() : "")}; });
    },
    [&](const Reserve& c) {
      sendNow([&keepers, container, c]() -> Reaction {
        auto avoided = [&](const MachineId& machine) { return std::find(c.avoid.begin(), c.avoid.end(), machine) != c.avoid.end(); };
        auto held = keepers.reservations.find(container);
        if (held != keepers.reservations.end() && held->second.generation > c.generation) return Reserved{c.generation, HERE, decide("here", "")};
        if (held != keepers.reservations.end() && held->second.generation == c.generation && !avoided(held->second.machine)) {
          return Reserved{c.generation, HERE, decide("here", held->second.machine.value())};
        }
        for (auto& machine: {MachineId("m1"), MachineId("m2")}) {
          size_t used = 0;
          for (auto& [other, reserved]: keepers.reservations) used += other != container && reserved.machine == machine;
          if (avoided(machine) || used >= keepers.slotsOfMachine) continue;
          keepers.reservations[container] = {c.generation, machine};
          return Reserved{c.generation, HERE, decide("here", machine.value())};
        }
        return Reserved{c.generation, HERE, decide("here", "")};
      });
    },
    [&](const StartInstance& c) {
      send([&world = world_, container, c](Done<Reaction> done) {
        auto& host = world.machine(c.machine);
        InstanceKey key{container, c.generation};
        host.ask(
            [&](CallToken token) {
              return machine::Start{token, key, {world.spec.need, world.spec.startTimeout, c.specWords}, {}, c.location, host.last(container)};
            },
            [done, c](std::optional<machine::Answer> answer) {
              if (!answer) return done(std::nullopt);
              if (auto refused = std::get_if<machine::Refused>(&*answer)) return done(Reaction(Refused{c.generation, c.machine, refused->why}));
              done(Reaction(Accepted{c.generation, c.machine}));
            });
      });
    },
    [&](const SignalInstance& c) {
      send([&world = world_, container, c](Done<Reaction> done) {
        world.machine(c.machine).ask(
            [&](CallToken token) { return machine::Signal{token, {container, c.generation}, c.signal}; },
            [done](std::optional<machine::Answer> answer) { answer ? done(Reaction()) : done(std::nullopt); });
      });
    },
    [&](const KillInstance& c) {
      send([&world = world_, container, c](Done<Reaction> done) {
        auto& host = world.machine(c.machine);
        host.ask([&](CallToken token) { return machine::Kill{token, {container, c.generation}, host.last(container)}; },
                 [done, c](std::optional<machine::Answer> answer) {
                   if (!answer) return done(std::nullopt);
                   auto known = std::get<machine::Known>(*answer) == machine::Known::YES ? Known::YES : Known::NO;
                   done(Reaction(KillAnswered{c.generation, c.machine, known}));
                 });
      });
    },
    [&](const Recall& c) {
      send([&world = world_, c](Done<Reaction> done) {
        // The gateway answers when its last request has ended, which may take longer than the drain limit.
        world.after(Duration(world.random.below(8'000'000'000)), [done, c] { done(Reaction(Recalled{c.generation, c.gateway})); });
      });
    },
    [&](const ReleasePermit& c) {
      sendNow([&keepers, container, c]() -> Reaction {
        auto held = keepers.permits.find(container);
        if (held != keepers.permits.end() && held->second <= c.generation) keepers.permits.erase(held);
        return {};
      });
    },
    [&](const ReleaseReservation& c) {
      sendNow([&keepers, container, c]() -> Reaction {
        auto held = keepers.reservations.find(container);
        if (held != keepers.reservations.end() && held->second.generation <= c.generation) keepers.reservations.erase(held);
        return {};
      });
    },
    [&](const RemoveLogs& c) { sendNow([c]() -> Reaction { return LogsRemoved{c.machine}; }); },
  }, attempt.call);
}

// ---------------------------------------------------------------------------------------
// Machine

void MachineHost::ask(const std::function<machine::Message(CallToken)>& make, Done<machine::Answer> done) {
  load();
  CallToken token(++lastToken_);
  waiting_.emplace(token, std::move(done));
  tell(make(token));
}

void MachineHost::tell(const machine::Message& message) {
  load();
  run(machine::step(state_, std::move(transient_), message, world_.now, world_.random, limits_));
}

void MachineHost::load() {
  while (!loaded_) {
    loaded_ = true;
    run(machine::resume(state_, world_.now, limits_));
  }
}

Generation MachineHost::last(const ContainerId& container) const {
  auto found = lasts_.find(container);
  return found == lasts_.end() ? Generation(0) : found->second;
}

void MachineHost::run(machine::Step step) {
  bool crashes = world_.chance(world_.faults.crash);
  bool committed = !crashes || world_.chance(500);
  if (committed) {
    for (auto& change: step.changes) {
      machine::apply(state_, change);
      if (auto raise = std::get_if<machine::RaiseLast>(&change)) lasts_[raise->key.container] = raise->key.generation;
    }
    if (!fits(state_.used, limits_.capacity)) world_.complain(name_.value() + " is oversold");
  }
  if (crashes) return crash();
  transient_ = std::move(step.transient);
  for (auto& effect: step.effects) perform(effect);
}

void MachineHost::crash() {
  ++world_.crashes;
  ++epoch_;
  loaded_ = false;
  transient_ = {};
  for (auto& [token, done]: std::exchange(waiting_, {})) done(std::nullopt);
  world_.after(Duration(world_.random.below(2'000'000'000)), [this] { load(); });   // the agent starts again
}

void MachineHost::perform(const machine::Effect& effect) {
  std::visit(Match{
    [&](const machine::Reply& e) {
      auto found = waiting_.find(e.token);
      if (found == waiting_.end()) return world_.complain(name_.value() + " answered a caller twice");
      auto done = std::move(found->second);
      waiting_.erase(found);
      done(e.answer);
    },
    [&](const machine::Perform& e) { call(e.attempt); },
    [&](const machine::RetryAfter& e) {
      world_.after(e.delay, [this, epoch = epoch_, attempt = e.attempt] {
        if (epoch == epoch_) tell(machine::RetryDue{attempt});
      });
    },
    [](const machine::ReportStray&) {},
  }, effect);
}

void MachineHost::call(const machine::Attempt& attempt) {
  using namespace machine;
  auto send = [&](std::function<void(Done<Message>)> callee) {
    world_.call<Message>(std::move(callee), [this, attempt, epoch = epoch_](std::optional<Message> reaction) {
      if (epoch != epoch_) return;
      tell(reaction ? *reaction : Message(CallFailed{attempt, "cut"}));
    });
  };
  auto sendNow = [&](std::function<void()> callee) {
    send([callee, call = attempt.call](Done<Message> done) { callee(); done(CallDone{call}); });
  };
  auto tellSupervisor = [&](const InstanceKey& key, std::function<supervisor::Message(CallToken)> make) {
    send([&world = world_, key, make, call = attempt.call](Done<Message> done) {
      world.supervisor(key.container).ask(make, [done, call](std::optional<supervisor::Answer> answer) {
        answer ? done(Message(CallDone{call})) : done(std::nullopt);
      });
    });
  };
  auto name = name_;
  std::visit(Match{
    [&](const Launch& c) { sendNow([this, c] { driver.launch(c.key, c.timeout); }); },
    [&](const SignalInstance& c) { sendNow([this, c] { driver.signal(c.key, c.number); }); },
    [&](const KillInstance& c) { sendNow([this, c] { driver.signal(c.key, SIGKILL); }); },
    [&](const AcknowledgeExit& c) { sendNow([this, c] { driver.acknowledge(c.key); }); },
    [&](const List& c) { send([this, c](Done<Message> done) { done(Listed{c, driver.list()}); }); },
    [&](const TellStarted& c) {
      tellSupervisor(c.key, [c, name](CallToken t) { return supervisor::InstanceStarted{t, c.key.generation, name, c.startedAt}; });
    },
    [&](const TellReady& c) {
      tellSupervisor(c.key, [c, name](CallToken t) { return supervisor::InstanceReady{t, c.key.generation, name, c.host}; });
    },
    [&](const TellHealth& c) {
      auto health = c.health == Health::HEALTHY ? supervisor::Health::HEALTHY : supervisor::Health::UNHEALTHY;
      tellSupervisor(c.key, [c, name, health](CallToken t) { return supervisor::InstanceHealth{t, c.key.generation, name, health}; });
    },
    [&](const TellExited& c) {
      tellSupervisor(c.key, [c, name](CallToken t) { return supervisor::InstanceExited{t, c.key.generation, name, c.exit}; });
    },
  }, attempt.call);
}

}  // namespace meridian::interplay
