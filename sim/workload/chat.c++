#include "sim/workload/chat.h"

#include <kj/debug.h>

#include "sim/check/faults.h"
#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Line;
using toys::Room;
using toys::Subscriber;

// What it hears has left a store.
class Chat::SubscriberServer final: public Subscriber::Server {
 public:
  SubscriberServer(Chat& chat, std::string session): chat_(chat), session_(std::move(session)) {}

  kj::Promise<void> heard(HeardContext context) override {
    auto params = context.getParams();
    chat_.posts_.heard(subscription_, params.getRoom().cStr(), params.getPosition(), {params.getSession().cStr(), params.getNumber()});
    if (session_ == params.getSession().cStr()) chat_.heardLast_[session_] = params.getNumber();
    return kj::READY_NOW;
  }
  kj::Promise<void> stay(StayContext context) override {
    context.allowCancellation();
    return chat_.leaving_.addBranch();
  }

 private:
  Chat& chat_;
  std::string session_;
  Posts::Subscription subscription_;
};

Chat::Chat(WorkloadParts parts)
    : cluster_(parts.cluster), options_(parts.options), random_(parts.random),
      posts_(cluster_.stage(), [this](const std::string& room) -> const SimDisk& { return cluster_.diskOf({"Room", room}); }),
      delivery_([this](const std::string& member, const std::string& room, uint64_t position, const std::string& session, uint64_t number) {
        auto& placement = cluster_.placement();
        if (placement.serverOf({"Member", member}) != placement.serverOf({"Room", room})) posts_.heard(room, position, {session, number});
      }),
      leaving_(nullptr) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  leaving_ = paf.promise.fork();
  leave_ = kj::mv(paf.fulfiller);
}

std::vector<actor::ActorKind> Chat::kinds(const std::string&) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<RoomActor>(); }));
  kinds.push_back(actor::actorKind([this]() { return kj::heap<MemberActor>(delivery_); }));
  return kinds;
}

void Chat::started(ActorClient& client) { sessions_[client.name()].clear(); }

void Chat::act(ActorClient& client) {
  auto& sessions = sessions_[client.name()];
  std::erase_if(sessions, [](auto& session) { return session->isBroken; });
  if (chance(random_, 0.05)) return enlist(client);
  if (sessions.size() < SESSIONS_MAX && chance(random_, 0.1)) return join(client);
  if (sessions.empty()) return join(client);
  auto& session = sessions[random_.below(sessions.size())];
  for (auto left = chance(random_, 0.2) ? number(random_, 2, 8) : 1; left > 0; --left) post(client, session);
}

// The line is used before it is known.
std::shared_ptr<Chat::Session> Chat::joined(ActorClient& client, const std::string& room) {
  auto name = client.name() + "." + std::to_string(++lastSession_);
  auto request = client.actor<Room>(room).joinRequest();
  request.setSession(name);
  request.setSubscriber(kj::heap<SubscriberServer>(*this, name));
  auto answer = request.send();
  auto session = std::make_shared<Session>(Session{name, room, answer.getLine()});
  auto entry = cluster_.ledger().begin(client.name(), "join " + name + " " + room);
  client.spawn(answer.then([entry](auto&&) { entry->end("served"); },
                           [this, entry, session](kj::Exception&& error) {
                             entry->end(toText(error.getType()));
                             requireTyped(cluster_.stage(), "join", error);
                             session->isBroken = true;
                           }));
  return session;
}

void Chat::join(ActorClient& client) {
  auto session = joined(client, "r" + std::to_string(random_.below(ROOMS)));
  sessions_[client.name()].push_back(session);
  post(client, session);
}

void Chat::post(ActorClient& client, std::shared_ptr<Session> session) {
  auto request = session->line.postRequest();
  auto number = ++session->posted;
  request.setNumber(number);
  auto entry = cluster_.ledger().begin(client.name(), "post " + session->name + "#" + std::to_string(number));
  client.spawn(request.send().then(
      [this, entry, session, number](auto&& answer) {
        entry->end("served");
        posts_.acknowledged(session->room, answer.getPosition(), {session->name, number});
      },
      [this, entry, session](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        requireTyped(cluster_.stage(), "post", error);
        if (error.getType() == kj::Exception::Type::DISCONNECTED) session->isBroken = true;
      }));
}

void Chat::enlist(ActorClient& client) {
  auto room = "r" + std::to_string(random_.below(ROOMS));
  auto request = client.actor<Room>(room).enlistRequest();
  request.setMember("m" + std::to_string(random_.below(MEMBERS)));
  auto entry = cluster_.ledger().begin(client.name(), "enlist " + room);
  client.spawn(request.send().then([entry](auto&&) { entry->end("served"); },
                                   [this, entry](kj::Exception&& error) {
                                     entry->end(toText(error.getType()));
                                     requireTyped(cluster_.stage(), "enlist", error);
                                   }));
}

// Who subscribes keeps the room in memory, however long nobody says anything; what is said then is heard.
kj::Promise<void> Chat::hears(ActorClient& examiner, const std::string& room) {
  auto session = joined(examiner, room);
  return examiner.clock().after(options_.host.idleAfter * 3 + 1s).then([this, &examiner, session]() {
    KJ_REQUIRE(!session->isBroken, "nobody can join");
    post(examiner, session);
    return examiner.clock().after(5s);
  }).then([this, session]() {
    KJ_REQUIRE(heardLast_[session->name] == 1, "a room forgot its subscriber");
  });
}

std::vector<Question> Chat::exam(ActorClient& examiner) {
  std::vector<Question> questions;
  for (size_t i = 0; i < ROOMS; ++i) {
    questions.push_back({"pinned", options_.host.idleAfter * 3 + 10s, [this, &examiner, room = "r" + std::to_string(i)]() {
      return hears(examiner, room);
    }});
  }
  questions.push_back({"leave", 1s, [this]() -> kj::Promise<void> {
    leave_->fulfill();
    return kj::READY_NOW;
  }});
  return questions;
}

std::vector<Question> Chat::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  questions.push_back({"logged", 1s, [this]() -> kj::Promise<void> {
    for (size_t i = 0; i < ROOMS; ++i) posts_.requireLogged("r" + std::to_string(i));
    return kj::READY_NOW;
  }});
  return questions;
}

namespace {

void adjust(ClusterOptions&) {}

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Chat>(kj::mv(parts)); });
}

}  // namespace

Scenario chatScenario() {
  return {"chat", "rooms that clients join, post to and listen to: each line is heard in order, and stays",
          clusterFaultNames(), run};
}

}  // namespace meridian::sim
