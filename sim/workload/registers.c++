#include "sim/workload/registers.h"

#include "sim/check/faults.h"
#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Register;
using Kind = RegisterModel::Input::Kind;

std::vector<actor::ActorKind> Registers::kinds(const std::string&) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<RegisterActor>(); }));
  return kinds;
}

template <typename Results>
void Registers::watch(ActorClient& client, History<RegisterModel>::Handle handle, capnp::RemotePromise<Results>&& answer) {
  auto entry = cluster_.ledger().begin(client.name(), "ask " + handle.object);
  client.spawn(answer.then(
      [this, entry, handle](capnp::Response<Results>&& response) {
        history_.end(handle, response.getWas());
        entry->end("served");
      },
      [this, entry, handle](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        requireTyped(cluster_.stage(), handle.object, error);
        if (error.getType() == kj::Exception::Type::OVERLOADED) history_.takeBack(handle);
      }));
}

void Registers::act(ActorClient& client) {
  if (cluster_.ledger().open() >= UNDER_WAY_MAX) return;
  auto name = "r" + std::to_string(random_.below(REGISTERS));
  auto target = client.actor<Register>(name);
  if (chance(random_, 0.2)) {
    auto way = client.actor<Register>("r" + std::to_string(random_.below(REGISTERS))).throughRequest();
    way.setName(name);
    target = way.send().getRegister();
  }
  switch (random_.below(3)) {
    case 0: return watch(client, history_.begin(name, {Kind::READ}), target.readRequest().send());
    case 1: {
      auto request = target.writeRequest();
      request.setValue(++lastValue_);
      return watch(client, history_.begin(name, {Kind::WRITE, lastValue_}), request.send());
    }
    case 2: {
      auto request = target.compareAndSetRequest();
      auto expected = lastValue_ - static_cast<int64_t>(random_.below(6));
      request.setExpected(expected);
      request.setValue(++lastValue_);
      return watch(client, history_.begin(name, {Kind::COMPARE_AND_SET, lastValue_, expected}), request.send());
    }
  }
}

std::vector<Question> Registers::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  for (size_t i = 0; i < REGISTERS; ++i) {
    questions.push_back({"readable", 60s, [this, &examiner, name = "r" + std::to_string(i)]() {
      return examiner.insist([this, &examiner, name]() {
        auto handle = history_.begin(name, {Kind::READ});
        return examiner.actor<Register>(name).readRequest().send().then([this, handle](auto&& answer) {
          history_.end(handle, answer.getWas());
        });
      });
    }});
  }
  questions.push_back({"linearizable", 1s, [this]() -> kj::Promise<void> {
    history_.judgeAll();
    return kj::READY_NOW;
  }});
  return questions;
}

namespace {

void adjust(ClusterOptions& options) { options.clients += 1; }

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Registers>(kj::mv(parts)); });
}

}  // namespace

Scenario registersScenario() {
  return {"registers", "few registers that many clients read, write, and compare and set: their history is linearizable",
          clusterFaultNames(), run};
}

}  // namespace meridian::sim
