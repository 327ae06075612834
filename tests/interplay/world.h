// A small world for the steps of supervisors and machines, without host, store or network: events in the order of a moved clock,
// messages that are late, lost or doubled, and activations that crash before or after a commit. Schedulers, gateways and drivers
// are small fakes with the rules of their interfaces. All of it follows from one seed.
//
// It looks for two things while it runs: that no two instances of an ID live at once, and that no machine is oversold; and for
// two at the end, when the world has healed: that every request was answered, and that nothing is left behind.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/machine/machine.h"
#include "actors/supervisor/supervisor.h"

namespace meridian::interplay {

using namespace std::chrono_literals;

// Probabilities in thousandths.
struct Faults {
  uint32_t loss = 0;                   // of a call or of its answer, each
  uint32_t doubled = 0;                // a call arrives a second time, up to 20 s later
  uint32_t crash = 0;                  // of an activation, at a step: before or after its commit
  uint32_t badStart = 0;               // exec fails, the instance exits by itself, or it is never ready
  Duration delayMax = 5ms;
};

class World;

// What a call gets: an answer, or nothing when it failed.
template <typename T>
using Done = std::function<void(std::optional<T>)>;

class SupervisorHost {
 public:
  SupervisorHost(World& world, ContainerId container): world_(world), container_(std::move(container)) {}

  // `make` gets the token that the answer will carry.
  void ask(const std::function<supervisor::Message(CallToken)>& make, Done<supervisor::Answer> done);
  void tell(const supervisor::Message& message);
  void alarm(Instant due);

  const supervisor::State& state() const { return state_; }

 private:
  void load();
  void run(supervisor::Step step);
  void crash();
  void perform(const supervisor::Effect& effect);
  void call(const supervisor::Attempt& attempt);

  World& world_;
  ContainerId container_;
  supervisor::State state_;
  supervisor::Transient transient_;
  bool loaded_ = false;
  uint64_t epoch_ = 0;
  uint64_t lastToken_ = 0;
  std::map<CallToken, Done<supervisor::Answer>> waiting_;
};

// The shim and the driver of one machine: they outlive the agent's activation.
class Driver {
 public:
  Driver(World& world, MachineId machine): world_(world), machine_(std::move(machine)) {}

  void launch(const InstanceKey& key, Duration timeout);
  void signal(const InstanceKey& key, int32_t number);
  void acknowledge(const InstanceKey& key);
  std::vector<machine::Report> list() const;

  size_t living() const;
  size_t kept() const { return instances_.size(); }
  bool runs(const ContainerId& container) const;

 private:
  struct Instance {
    Instant startedAt;
    std::optional<std::string> host;
    std::optional<Exit> exit;
  };

  void exit(const InstanceKey& key, Exit exit);
  void tell(const InstanceKey& key, std::function<machine::Message(CallToken)> make);

  World& world_;
  MachineId machine_;
  std::map<InstanceKey, Instance> instances_;
  std::map<ContainerId, Generation> last_;
};

class MachineHost {
 public:
  MachineHost(World& world, MachineId name, Resources capacity): driver(world, name), world_(world), name_(std::move(name)) {
    limits_.capacity = capacity;
  }

  void ask(const std::function<machine::Message(CallToken)>& make, Done<machine::Answer> done);
  void tell(const machine::Message& message);
  void load();
  Generation last(const ContainerId& container) const;

  const machine::State& state() const { return state_; }

  Driver driver;

 private:
  void run(machine::Step step);
  void crash();
  void perform(const machine::Effect& effect);
  void call(const machine::Attempt& attempt);

  World& world_;
  MachineId name_;
  machine::Limits limits_;
  machine::State state_;
  machine::Transient transient_;
  std::map<ContainerId, Generation> lasts_;
  bool loaded_ = false;
  uint64_t epoch_ = 0;
  uint64_t lastToken_ = 0;
  std::map<CallToken, Done<machine::Answer>> waiting_;
};

// The class and both schedulers: what they keep for {ID, generation}, with the rules of their interfaces.
struct Keepers {
  struct Reserved { Generation generation; MachineId machine; };
  size_t maxInstances = 4;
  size_t slotsOfMachine = 3;           // as the scheduler believes; the machine may know better
  std::map<ContainerId, Generation> permits;
  std::map<ContainerId, Reserved> reservations;
};

class World {
 public:
  explicit World(uint64_t seed);

  // Random requests under faults, then no faults and no new requests. False, with `complaint` set, when something was violated.
  bool run();

  // For the parts of the world.
  void after(Duration delay, std::function<void()> event);
  bool chance(uint32_t thousandths) { return random.below(1000) < thousandths; }
  Duration delay() { return Duration(random.below(faults.delayMax.count()) + 1); }
  void complain(const std::string& what);

  // One call to another actor: `callee` may be run twice, `done` is called once.
  template <typename T>
  void call(std::function<void(Done<T>)> callee, Done<T> done);

  SupervisorHost& supervisor(const ContainerId& container) { return *supervisors_.at(container); }
  MachineHost& machine(const MachineId& name) { return *machines_.at(name); }
  bool runsElsewhere(const ContainerId& container) const;

  Random random;
  Instant now = instantFromNs(1'000'000'000'000);
  Faults faults;
  Keepers keepers;
  supervisor::Spec spec;
  std::string complaint;
  size_t asked = 0, answered = 0, starts = 0, crashes = 0;

 private:
  void request();
  void request(const ContainerId& container, uint64_t kind);
  void reconcile();
  bool drainEvents(Instant until, const std::function<bool()>& enough);
  void expectNothingLeft();

  std::map<ContainerId, std::unique_ptr<SupervisorHost>> supervisors_;
  std::map<MachineId, std::unique_ptr<MachineHost>> machines_;
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
  uint64_t lastEvent_ = 0;
};

template <typename T>
void World::call(std::function<void(Done<T>)> callee, Done<T> done) {
  auto once = std::make_shared<Done<T>>(std::move(done));
  auto finish = [this, once](std::optional<T> answer) {
    if (!*once) return;
    auto lost = answer && chance(faults.loss);
    after(lost ? 500ms : delay(), [once, answer = lost ? std::nullopt : std::move(answer)] {
      if (auto done = std::exchange(*once, nullptr)) done(answer);
    });
  };
  if (chance(faults.loss)) return finish(std::nullopt);
  after(delay(), [callee, finish] { callee(finish); });
  if (chance(faults.doubled)) after(delay() + Duration(random.below(20'000'000'000)), [callee] { callee([](std::optional<T>) {}); });
}

}  // namespace meridian::interplay
