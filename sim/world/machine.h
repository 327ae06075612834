// SimMachine: what really happens on a machine, whatever its agent believes. It stands for the shim and the kernel: it runs instances,
// outlives the agent, keeps each exit until that is acknowledged, and refuses a generation that is not above the last of its ID.
//
// How an instance fares is the seed's: when it is ready, whether it obeys SIGTERM, whether and when it ends by itself.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/base/instance.h"
#include "runtime/base/random.h"
#include "sim/world/stage.h"

namespace meridian::sim {

struct MachineMood {
  double slowRate = 0;            // of launches, readiness and kills that take seconds
  Duration slowMax = std::chrono::seconds(8);
  double execFailRate = 0;
  double neverReadyRate = 0;
  double ownExitRate = 0;
  Duration ownExitMax = std::chrono::seconds(20);
  double ignoresTermRate = 0;
};

// What the checkers are told about the truth, in the moment it happens.
class MachineWatcher {
 public:
  virtual void executed(const std::string& machine, const InstanceKey& key, const Resources& need, const std::string& host) = 0;
  virtual void signalled(const std::string& machine, const InstanceKey& key, int32_t number) = 0;
  virtual void ended(const std::string& machine, const InstanceKey& key, const Exit& exit) = 0;

 protected:
  ~MachineWatcher() = default;
};

// The agent's side of the shim's socket.
class ShimListener {
 public:
  virtual void instanceReady(const InstanceKey& key, const std::string& host) = 0;
  virtual void instanceExited(const InstanceKey& key, const Exit& exit) = 0;

 protected:
  ~ShimListener() = default;
};

class SimMachine {
 public:
  struct Instance {
    Resources need;
    Instant startedAt;
    std::string host;
    bool ready = false;
    bool obeysTerm = true;
    std::optional<Exit> exit;
  };

  SimMachine(std::string name, Stage& stage, Random random, MachineWatcher& watcher);

  const std::string& name() const { return name_; }
  const std::map<InstanceKey, Instance>& instances() const { return instances_; }
  void setMood(MachineMood mood) { mood_ = mood; }

  void listen(ShimListener& listener) { listener_ = listener; }
  void hangUp() { listener_ = nullptr; }

  // How long it takes until it can be launched, and whether that fails.
  Duration preparation();
  bool execFails();

  // Executes it; false: refused, its generation is not above the last.
  bool launch(const InstanceKey& key, const Resources& need);
  void signal(const InstanceKey& key, int32_t number);
  void kill(const InstanceKey& key);
  void acknowledge(const InstanceKey& key);

  // The power fails: all that ran is gone, and what was not acknowledged is forgotten.
  void reboot();

 private:
  Instance* alive(const InstanceKey& key, Instant startedAt);
  void becomeReady(const InstanceKey& key, Instant startedAt);
  void end(const InstanceKey& key, Instant startedAt, Exit exit);
  void endSoon(const InstanceKey& key, Instance& instance, Exit exit);
  Instant now() const { return SimClock::EPOCH + stage_.time.now(); }

  std::string name_;
  Stage& stage_;
  Random random_;
  MachineWatcher& watcher_;
  MachineMood mood_;
  kj::Maybe<ShimListener&> listener_;
  std::map<InstanceKey, Instance> instances_;
  std::map<ContainerId, Generation> last_;
  uint64_t lastAddress_ = 0;
};

}  // namespace meridian::sim
