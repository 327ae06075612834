// SimProcess: a process that can die at any moment and come back, alone, with what its own store had made durable. It has a clock of
// its own, whose wall time may be off, and a shard of its own, on which the seed orders what is ready.
//
// Split brain: a second life may begin on the same disk while the first goes on, which then is its ghost: it keeps the wires it has,
// and whoever dials anew reaches the second. A ghost ends with endGhost(), or with its process.
//
// Thread: the loop's. start(), kill() and commit() are called between events, never from within one.
#pragma once

#include <kj/function.h>

#include <string>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/shard.h"
#include "runtime/rpc/vat.h"
#include "sim/world/network.h"
#include "sim/world/store.h"

namespace meridian::sim {

// What a process is made of, given to what it runs.
struct ProcessParts {
  const std::string& name;
  actor::Shard& shard;
  SimClock& clock;
  SimStore& store;
  SimNetwork& network;
  Random random;
};

// What a process runs.
class SimRole {
 public:
  virtual ~SimRole() noexcept(false) = default;

  // Takes the wires that others dial.
  virtual rpc::Vat& vat() = 0;
};

struct DiskMood {
  Duration commitMax = std::chrono::milliseconds(2);
  double stallRate = 0;                                  // of commits
  Duration stallMax = std::chrono::seconds(3);
  double fullRate = 0;                                   // of commits that find no space
};

class SimProcess {
 public:
  using Build = kj::Function<kj::Own<SimRole>(ProcessParts)>;

  SimProcess(std::string name, Stage& stage, SimNetwork& network, actor::ActorSystem& system, Random random, Build build);
  ~SimProcess() noexcept(false);

  const std::string& name() const { return name_; }
  bool isAlive() const { return life_ != nullptr; }
  // How often it has started.
  uint64_t lives() const { return lives_; }
  const SimDisk& disk() const { return disk_; }
  // To spoil what lies there.
  SimDisk& disk() { return disk_; }
  SimRole& role() { return *KJ_ASSERT_NONNULL(life_)->role; }

  void start();
  void kill();
  void beginGhost();
  void endGhost();

  void setClockOffset(Duration offset);
  void setDiskMood(DiskMood mood) { diskMood_ = mood; }

  // From its next start on.
  void setCommitLimits(store::CommitQueue::Limits limits) { commitLimits_ = limits; }

  // Dies at the next commit: after it is durable, before anything that waited for it moves.
  void dieAtCommit() { diesAtCommit_ = true; }
  void spare() { diesAtCommit_ = false; }

  // Sees to it that what was flushed becomes durable in its time.
  void scheduleCommit();

  // Told after each commit.
  void onCommit(kj::Function<void()> told) { committed_ = kj::mv(told); }
  // Told when it has died.
  void onDeath(kj::Function<void()> told) { died_ = kj::mv(told); }

 private:
  struct Life {
    Life(actor::ActorSystem& system, Stage& stage, SimDisk& disk, store::CommitQueue::Limits limits, Random order)
        : shard(system.caf(), order), clock(stage.time), store(disk, limits) {}

    actor::Shard shard;
    SimClock clock;
    SimStore store;
    kj::Own<SimRole> role;
    bool commitIsDue = false;
    std::shared_ptr<bool> lasts = std::make_shared<bool>(true);
  };

  kj::Own<Life> newLife();
  void end(kj::Maybe<kj::Own<Life>>& life);
  void scheduleCommit(Life& life);
  void commit(Life& life);

  std::string name_;
  Stage& stage_;
  SimNetwork& network_;
  actor::ActorSystem& system_;
  Random random_;
  Build build_;
  SimDisk disk_;
  DiskMood diskMood_;
  Duration clockOffset_{};
  store::CommitQueue::Limits commitLimits_;
  bool diesAtCommit_ = false;
  uint64_t lives_ = 0;
  kj::Maybe<kj::Own<Life>> ghost_;
  kj::Maybe<kj::Own<Life>> life_;
  kj::Function<void()> committed_ = []() {};
  kj::Function<void()> died_ = []() {};
};

}  // namespace meridian::sim
