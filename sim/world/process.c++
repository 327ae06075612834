#include "sim/world/process.h"

#include <kj/debug.h>

#include "sim/world/chance.h"

namespace meridian::sim {

SimProcess::SimProcess(std::string name, Stage& stage, SimNetwork& network, actor::ActorSystem& system, Random random, Build build)
    : name_(kj::mv(name)), stage_(stage), network_(network), system_(system), random_(random), build_(kj::mv(build)) {}

SimProcess::~SimProcess() noexcept(false) { kill(); }

void SimProcess::start() {
  if (isAlive()) return;
  stage_.say(name_, "starts");
  life_ = newLife();
}

kj::Own<SimProcess::Life> SimProcess::newLife() {
  ++lives_;
  auto life = kj::heap<Life>(system_, stage_, disk_, commitLimits_, random_.fork());
  life->clock.setOffset(clockOffset_);
  life->role = build_({name_, life->shard, life->clock, life->store, network_, random_.fork()});
  auto& role = *life->role;
  network_.listen(name_, [&role](kj::Own<rpc::Wire> wire) { role.vat().accept(kj::mv(wire)); });
  return life;
}

void SimProcess::kill() {
  if (!isAlive()) return;
  stage_.say(name_, "dies");
  diesAtCommit_ = false;
  network_.leave(name_);
  end(ghost_);
  end(life_);
  died_();
}

void SimProcess::beginGhost() {
  if (!isAlive()) return;
  endGhost();
  stage_.say(name_, "has a ghost");
  ghost_ = kj::mv(life_);
  life_ = newLife();
}

void SimProcess::endGhost() {
  if (ghost_ == nullptr) return;
  stage_.say(name_, "has no ghost any more");
  end(ghost_);
}

void SimProcess::end(kj::Maybe<kj::Own<Life>>& life) {
  KJ_IF_MAYBE(ending, life) {
    *(*ending)->lasts = false;
    (*ending)->store.crash();
    (*ending)->role = nullptr;
    life = nullptr;
  }
}

void SimProcess::setClockOffset(Duration offset) {
  clockOffset_ = offset;
  KJ_IF_MAYBE(life, life_) (*life)->clock.setOffset(offset);
}

void SimProcess::scheduleCommit() {
  KJ_IF_MAYBE(ghost, ghost_) scheduleCommit(**ghost);
  KJ_IF_MAYBE(life, life_) scheduleCommit(**life);
}

void SimProcess::scheduleCommit(Life& life) {
  if (life.commitIsDue || !life.store.isPending()) return;
  life.commitIsDue = true;
  auto delay = span(random_, std::chrono::microseconds(50), diskMood_.commitMax);
  if (chance(random_, diskMood_.stallRate)) delay += span(random_, {}, diskMood_.stallMax);
  stage_.after(delay, [this, &life, lasts = life.lasts]() {
    if (*lasts) commit(life);
  });
}

void SimProcess::commit(Life& life) {
  life.commitIsDue = false;
  // Between turns nobody reads: a reader that is parked holds every page that was replaced since.
  if (life.store.readersAtWork() != 0) stage_.verdict.wrong("parked-reader", name_);
  if (chance(random_, diskMood_.fullRate)) {
    stage_.say(name_, "disk full");
    life.store.failNextBatch();
  }
  life.store.commitPending();
  committed_();
  if (diesAtCommit_) kill();
}

}  // namespace meridian::sim
