#include "tests/interplay/world.h"

#include <csignal>

namespace meridian::interplay {

namespace {

constexpr size_t CONTAINERS = 5;       // more than permits, and more than fit on a machine
constexpr Duration STORM = 120s;
constexpr Duration HEALED = 1h;        // long enough for every limit of supervisor and machine
constexpr size_t REQUESTS = 60;

ContainerId containerAt(uint64_t index) { return {ClassName("Sandbox"), "c" + std::to_string(index)}; }

// Some faults off, others extreme.
Faults drawFaults(Random& random) {
  auto draw = [&](uint32_t most) { return random.below(3) == 0 ? 0 : static_cast<uint32_t>(random.below(most)); };
  Faults faults;
  faults.loss = draw(300);
  faults.doubled = draw(200);
  faults.crash = draw(60);
  faults.badStart = draw(400);
  faults.delayMax = random.below(3) == 0 ? Duration(3s) : Duration(5ms);
  return faults;
}

}  // namespace

// ---------------------------------------------------------------------------------------
// Driver

void Driver::launch(const InstanceKey& key, Duration timeout) {
  auto known = instances_.find(key);
  if (known != instances_.end()) {
    if (known->second.exit) exit(key, *known->second.exit);
    return;
  }
  if (last_[key.container] >= key.generation) return;      // as the shim does: stale
  last_[key.container] = key.generation;
  if (world_.runsElsewhere(key.container)) return world_.complain(toText(key) + " starts while another instance lives");
  ++world_.starts;
  instances_[key] = {world_.now, {}, {}};
  if (world_.chance(world_.faults.badStart)) {
    switch (world_.random.below(3)) {
      case 0: return exit(key, {StopReason::EXEC_FAILED, {}, {}, "no such file", world_.now});
      case 1:
        world_.after(Duration(world_.random.below(10'000'000'000)),
                     [this, key] { exit(key, {StopReason::EXITED, 1, {}, "", world_.now}); });
        break;
      case 2:
        world_.after(timeout, [this, key] { exit(key, {StopReason::START_TIMEOUT, {}, SIGKILL, "", world_.now}); });
        return;
    }
  }
  tell(key, [key, at = world_.now](CallToken t) { return machine::DriverStarted{t, key, at}; });
  world_.after(world_.delay(), [this, key] {
    auto found = instances_.find(key);
    if (found == instances_.end() || found->second.exit) return;
    found->second.host = "10.0.0.2";
    tell(key, [key](CallToken t) { return machine::DriverReady{t, key, "10.0.0.2"}; });
  });
}

void Driver::signal(const InstanceKey& key, int32_t number) {
  auto found = instances_.find(key);
  if (found == instances_.end() || found->second.exit) return;
  if (number != SIGKILL && world_.chance(300)) return;     // some ignore SIGTERM
  world_.after(world_.delay(), [this, key, number] { exit(key, {StopReason::SIGNALLED, {}, number, "", world_.now}); });
}

void Driver::exit(const InstanceKey& key, Exit exit) {
  auto found = instances_.find(key);
  if (found == instances_.end()) return;
  if (!found->second.exit) found->second.exit = exit;
  tell(key, [key, exit = *found->second.exit](CallToken t) { return machine::DriverExited{t, key, exit}; });
}

void Driver::acknowledge(const InstanceKey& key) {
  auto found = instances_.find(key);
  if (found != instances_.end() && found->second.exit) instances_.erase(found);
}

std::vector<machine::Report> Driver::list() const {
  std::vector<machine::Report> reports;
  for (auto& [key, instance]: instances_) reports.push_back({key, instance.startedAt, instance.host, instance.exit});
  return reports;
}

size_t Driver::living() const {
  size_t count = 0;
  for (auto& [key, instance]: instances_) count += !instance.exit;
  return count;
}

bool Driver::runs(const ContainerId& container) const {
  for (auto& [key, instance]: instances_) {
    if (key.container == container && !instance.exit) return true;
  }
  return false;
}

// A fact may be lost: the machine's reconciliation finds what was missed.
void Driver::tell(const InstanceKey& key, std::function<machine::Message(CallToken)> make) {
  world_.call<machine::Answer>(
      [&world = world_, machine = machine_, make](Done<machine::Answer> done) { world.machine(machine).ask(make, done); },
      [](std::optional<machine::Answer>) {});
}

// ---------------------------------------------------------------------------------------
// World

World::World(uint64_t seed): random(seed) {
  faults = drawFaults(random);
  spec.version = 1;
  spec.image = "rootfs:/img";
  spec.need = {MicroCpu(100), MemoryMib(100), DiskMb(100)};
  spec.port = 8080;
  spec.sleepAfter = 5s;
  spec.stopGrace = 3s;
  spec.startTimeout = 20s;
  spec.restart = static_cast<supervisor::RestartPolicy>(random.below(3));
  spec.words = "spec";
  for (size_t i = 0; i < CONTAINERS; ++i) {
    supervisors_[containerAt(i)] = std::make_unique<SupervisorHost>(*this, containerAt(i));
  }
  // The second machine has less room than the scheduler believes, so that it refuses.
  machines_[MachineId("m1")] = std::make_unique<MachineHost>(*this, MachineId("m1"), Resources{MicroCpu(300), MemoryMib(300), DiskMb(300)});
  machines_[MachineId("m2")] = std::make_unique<MachineHost>(*this, MachineId("m2"), Resources{MicroCpu(100), MemoryMib(100), DiskMb(100)});
}

bool World::run() {
  for (size_t i = 0; i < REQUESTS; ++i) {
    after(Duration(random.below(STORM.count())), [this] { request(); });
  }
  reconcile();
  auto end = now + STORM;
  drainEvents(end, [] { return false; });
  faults = {};
  auto quiet = [this] {
    if (answered != asked || !keepers.permits.empty() || !keepers.reservations.empty()) return false;
    for (auto& [container, host]: supervisors_) {
      if (!std::holds_alternative<supervisor::Stopped>(host->state().life)) return false;
    }
    for (auto& [name, host]: machines_) {
      if (!host->state().rows.empty() || host->driver.kept() > 0) return false;
    }
    return true;
  };
  drainEvents(end + HEALED, quiet);
  expectNothingLeft();
  return complaint.empty();
}

void World::after(Duration delay, std::function<void()> event) {
  events_.emplace(std::pair(now + delay, ++lastEvent_), std::move(event));
}

void World::complain(const std::string& what) {
  if (complaint.empty()) complaint = what;
}

bool World::runsElsewhere(const ContainerId& container) const {
  for (auto& [name, host]: machines_) {
    if (host->driver.runs(container)) return true;
  }
  return false;
}

void World::request() {
  ++asked;
  request(containerAt(random.below(CONTAINERS)), random.below(10));
}

// A caller repeats what failed, as one whose connection broke does.
void World::request(const ContainerId& container, uint64_t kind) {
  using namespace supervisor;
  GatewayId gateway("g" + std::to_string(random.below(2)));
  auto make = [=](CallToken token) -> Message {
    switch (kind) {
      case 0: return Stop{token, SIGTERM};
      case 1: return Destroy{token};
      case 2: return Rollout{token, 2};
      case 3: return Start{token, {}};
      default: return Lease{token, gateway};
    }
  };
  if (kind == 2) spec.version = 2;
  call<Answer>([this, container, make](Done<Answer> done) { supervisor(container).ask(make, done); },
               [this, container, kind](std::optional<Answer> answer) {
                 if (answer) {
                   ++answered;
                 } else {
                   after(100ms, [this, container, kind] { request(container, kind); });
                 }
               });
}

// The keepers ask now and then whether what they keep is still held.
void World::reconcile() {
  auto check = [this](const ContainerId& container, Generation generation, std::function<void()> release) {
    call<supervisor::Answer>(
        [this, container, generation](Done<supervisor::Answer> done) {
          supervisor(container).ask([&](CallToken t) { return supervisor::AskHolds{t, generation}; }, done);
        },
        [release](std::optional<supervisor::Answer> answer) {
          if (answer && std::get<supervisor::Holding>(*answer) == supervisor::Holding::NO) release();
        });
  };
  for (auto& [container, generation]: keepers.permits) {
    check(container, generation, [this, container = container, generation = generation] {
      auto held = keepers.permits.find(container);
      if (held != keepers.permits.end() && held->second == generation) keepers.permits.erase(held);
    });
  }
  for (auto& [container, reserved]: keepers.reservations) {
    check(container, reserved.generation, [this, container = container, generation = reserved.generation] {
      auto held = keepers.reservations.find(container);
      if (held != keepers.reservations.end() && held->second.generation == generation) keepers.reservations.erase(held);
    });
  }
  after(10s, [this] { reconcile(); });
}

bool World::drainEvents(Instant until, const std::function<bool()>& enough) {
  while (!events_.empty() && complaint.empty() && !enough()) {
    auto first = events_.begin();
    if (first->first.first > until) return false;
    now = first->first.first;
    auto event = std::move(first->second);
    events_.erase(first);
    event();
  }
  return true;
}

void World::expectNothingLeft() {
  if (answered != asked) complain(std::to_string(asked - answered) + " requests were never answered");
  for (auto& [container, host]: supervisors_) {
    if (!std::holds_alternative<supervisor::Stopped>(host->state().life)) complain(toText(container) + " does not come to rest");
  }
  for (auto& [name, host]: machines_) {
    if (host->driver.living() > 0) complain(name.value() + " still runs something");
    if (!host->state().rows.empty()) complain(name.value() + " still has rows");
    if (host->driver.kept() > 0) complain("the driver of " + name.value() + " still keeps exits");
  }
  if (!keepers.permits.empty()) complain("permits are left");
  if (!keepers.reservations.empty()) complain("reservations are left");
}

}  // namespace meridian::interplay
