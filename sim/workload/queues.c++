#include "sim/workload/queues.h"

#include "sim/check/faults.h"
#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Queue;
using Kind = QueueModel::Input::Kind;

namespace {

QueueModel::Rows read(capnp::List<Queue::Row>::Reader rows) {
  QueueModel::Rows result;
  for (auto row: rows) result.emplace_back(row.getKey().cStr(), row.getValue().cStr());
  return result;
}

std::string nameOf(size_t actor) { return "q" + std::to_string(actor); }
std::string prefixOf(size_t queue) { return std::string(1, static_cast<char>('a' + queue)); }

kj::Promise<QueueModel::Rows> listed(Queue::Client actor, const std::string& queue, const std::string& after, uint32_t limit) {
  auto request = actor.listRequest();
  request.setQueue(queue);
  request.setAfter(after);
  request.setLimit(limit);
  return request.send().then([](auto&& answer) { return read(answer.getFound()); });
}

kj::Promise<QueueModel::Rows> popped(Queue::Client actor, const std::string& queue, uint32_t most) {
  auto request = actor.popRequest();
  request.setQueue(queue);
  request.setMost(most);
  return request.send().then([](auto&& answer) { return read(answer.getTaken()); });
}

kj::Promise<QueueModel::Rows> putIn(Queue::Client actor, const std::string& queue, const std::string& key, const std::string& value) {
  auto request = actor.putRequest();
  request.setQueue(queue);
  request.setKey(key);
  request.setValue(value);
  return request.send().then([](auto&& answer) { return read(answer.getReplaced()); });
}

kj::Promise<QueueModel::Rows> listedWith(Queue::Client actor, const std::string& queue, const std::string& key, const std::string& value) {
  auto request = actor.putAndListRequest();
  request.setQueue(queue);
  request.setKey(key);
  request.setValue(value);
  return request.send().then([](auto&& answer) { return read(answer.getFound()); });
}

}  // namespace

std::vector<actor::ActorKind> Queues::kinds(const std::string&) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<QueueActor>(); }));
  return kinds;
}

template <typename Rows>
void Queues::watch(ActorClient& client, History<QueueModel>::Handle handle, kj::Promise<Rows>&& answer) {
  auto entry = cluster_.ledger().begin(client.name(), "ask " + handle.object);
  client.spawn(answer.then(
      [this, entry, handle](Rows&& rows) {
        history_.end(handle, kj::mv(rows));
        entry->end("served");
      },
      [this, entry, handle](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        requireTyped(cluster_.stage(), handle.object, error);
        if (error.getType() == kj::Exception::Type::OVERLOADED) history_.takeBack(handle);
      }));
}

void Queues::act(ActorClient& client) {
  if (cluster_.ledger().open() >= UNDER_WAY_MAX) return;
  auto name = nameOf(random_.below(ACTORS));
  auto queue = prefixOf(random_.below(QUEUES));
  auto object = name + "/" + queue;
  auto key = std::to_string(10 + random_.below(KEYS));
  auto actor = client.actor<Queue>(name);
  switch (random_.below(6)) {
    case 0:
    case 1: {
      auto value = std::to_string(++lastValue_);
      return watch(client, history_.begin(object, {Kind::PUT, key, value}), putIn(actor, queue, key, value));
    }
    case 2: {
      auto most = number(random_, 1, 2);
      return watch(client, history_.begin(object, {Kind::POP, "", "", most}), popped(actor, queue, static_cast<uint32_t>(most)));
    }
    case 3: {
      auto value = std::to_string(++lastValue_);
      return watch(client, history_.begin(object, {Kind::PUT_AND_LIST, key, value}), listedWith(actor, queue, key, value));
    }
    default: {
      auto after = chance(random_, 0.5) ? std::string() : key;
      auto limit = chance(random_, 0.5) ? 1'000 : number(random_, 1, 5);
      return watch(client, history_.begin(object, {Kind::LIST, after, "", limit}),
                   listed(actor, queue, after, static_cast<uint32_t>(limit)));
    }
  }
}

std::vector<Question> Queues::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  for (size_t i = 0; i < ACTORS * QUEUES; ++i) {
    questions.push_back({"readable", 60s, [this, &examiner, name = nameOf(i / QUEUES), queue = prefixOf(i % QUEUES)]() {
      return examiner.insist([this, &examiner, name, queue]() {
        auto handle = history_.begin(name + "/" + queue, {Kind::LIST});
        return listed(examiner.actor<Queue>(name), queue, "", UINT32_MAX).then([this, handle](QueueModel::Rows rows) {
          history_.end(handle, kj::mv(rows));
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

void adjust(ClusterOptions&) {}

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Queues>(kj::mv(parts)); });
}

}  // namespace

Scenario queuesScenario() {
  return {"queues", "ordered rows that clients put, pop and list: their history is linearizable", clusterFaultNames(), run};
}

}  // namespace meridian::sim
