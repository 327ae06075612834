#include "sim/world/process.h"

#include <kj/debug.h>

#include "sim/world/chance.h"

namespace meridian::sim {

SimProcess::SimProcess(std::string name, Stage& stage, SimNetwork& network, actor::ActorSystem& system, Random random, Build build)
    : name_(kj::mv(name)), stage_(stage), network_(network), system_(system), random_(random), build_(kj::mv(build)) {}

SimProcess::~SimProcess() noexcept(false) { kill(); }

void SimProcess::start() {
  if (isAlive()) return;
  ++lives_;
  stage_.say(name_, "starts");
  auto life = kj::heap<Life>(system_, stage_, disk_, random_.fork());
  life->clock.setOffset(clockOffset_);
  life->role = build_({name_, life->shard, life->clock, life->store, network_, random_.fork()});
  auto& vat = life->role->vat();
  network_.listen(name_, [&vat](kj::Own<rpc::Wire> wire) { vat.accept(kj::mv(wire)); });
  life_ = kj::mv(life);
}

void SimProcess::kill() {
  KJ_IF_MAYBE(life, life_) {
    stage_.say(name_, "dies");
    diesAtCommit_ = false;
    network_.leave(name_);
    (*life)->store.crash();
    (*life)->role = nullptr;
    life_ = nullptr;
    died_();
  }
}

void SimProcess::setClockOffset(Duration offset) {
  clockOffset_ = offset;
  KJ_IF_MAYBE(life, life_) (*life)->clock.setOffset(offset);
}

void SimProcess::scheduleCommit() {
  KJ_IF_MAYBE(life, life_) {
    if ((*life)->commitIsDue || !(*life)->store.isPending()) return;
    (*life)->commitIsDue = true;
    auto delay = span(random_, std::chrono::microseconds(50), diskMood_.commitMax);
    if (chance(random_, diskMood_.stallRate)) delay += span(random_, {}, diskMood_.stallMax);
    stage_.after(delay, [this, inLife = lives_]() {
      if (inLife == lives_) commit();
    });
  }
}

void SimProcess::commit() {
  KJ_IF_MAYBE(life, life_) {
    (*life)->commitIsDue = false;
    if (chance(random_, diskMood_.fullRate)) {
      stage_.say(name_, "disk full");
      (*life)->store.failNextBatch();
    }
    (*life)->store.commitPending();
    committed_();
    if (diesAtCommit_) kill();
  }
}

}  // namespace meridian::sim
