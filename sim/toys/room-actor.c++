#include "sim/toys/room-actor.h"

#include <kj/debug.h>

namespace meridian::sim {

using toys::Line;
using toys::Member;
using toys::Room;
using toys::Subscriber;

namespace {

const std::string MEMBER = "member/";

kj::Promise<void> nothingMore() { return kj::READY_NOW; }
kj::Promise<void> nobodyThere(kj::Exception&&) { return kj::READY_NOW; }

}  // namespace

std::string logKey(uint64_t position) {
  char key[16];
  snprintf(key, sizeof key, "log/%08llu", static_cast<unsigned long long>(position));
  return key;
}

// It knows its room by name: the room may leave memory, or be moved, and the line stays good.
class RoomActor::LineServer final: public Line::Server {
 public:
  LineServer(Room::Client room, kj::StringPtr session): room_(kj::mv(room)), session_(kj::heapString(session)) {}

  kj::Promise<void> post(PostContext context) override {
    auto request = room_.postRequest();
    request.setSession(session_);
    request.setNumber(context.getParams().getNumber());
    return request.send().then([context](auto&& answer) mutable { context.getResults().setPosition(answer.getPosition()); });
  }

 private:
  Room::Client room_;
  kj::String session_;
};

kj::Promise<void> RoomActor::join(JoinContext context) {
  auto params = context.getParams();
  auto subscriber = params.getSubscriber();
  auto number = ++lastSubscriber_;
  subscribers_.emplace(number, subscriber);
  auto forget = [this, number]() -> kj::Promise<void> {
    subscribers_.erase(number);
    return kj::READY_NOW;
  };
  env().spawn(env().await(subscriber.stayRequest().send().ignoreResult(), [forget]() { return forget(); },
                          [forget](kj::Exception&&) { return forget(); }));
  context.getResults().setLine(kj::heap<LineServer>(env().actor<Room>(env().self().name), params.getSession()));
  return kj::READY_NOW;
}

kj::Promise<void> RoomActor::post(PostContext context) {
  auto params = context.getParams();
  auto position = storage().get<uint64_t>("last").orDefault(0) + 1;
  Post post{params.getNumber(), {}};
  KJ_REQUIRE(params.getSession().size() < sizeof post.session);
  memcpy(post.session, params.getSession().begin(), params.getSession().size());
  storage().put("last", position);
  storage().put(logKey(position), post);
  tellAll(position, params.getSession(), params.getNumber());
  context.getResults().setPosition(position);
  return kj::READY_NOW;
}

void RoomActor::tellAll(uint64_t position, kj::StringPtr session, uint64_t number) {
  auto fill = [&](auto& request) {
    request.setRoom(env().self().name);
    request.setPosition(position);
    request.setSession(session);
    request.setNumber(number);
  };
  for (auto& [key, subscriber]: subscribers_) {
    auto request = subscriber.heardRequest();
    fill(request);
    env().spawn(env().await(request.send(), nothingMore, nobodyThere));
  }
  for (auto& member: storage().list({.prefix = MEMBER, .after = {}})) {
    auto request = env().actor<Member>(member.key.substr(MEMBER.size())).deliverRequest();
    fill(request);
    env().spawn(env().await(request.send().ignoreResult(), nothingMore, nobodyThere));
  }
}

kj::Promise<void> RoomActor::enlist(EnlistContext context) {
  storage().put(MEMBER + context.getParams().getMember().cStr(), true);
  return kj::READY_NOW;
}

kj::Promise<void> MemberActor::deliver(DeliverContext context) {
  auto params = context.getParams();
  delivery_(env().self().name, params.getRoom(), params.getPosition(), params.getSession(), params.getNumber());
  storage().put(std::string(params.getRoom().cStr()) + "/" + std::to_string(params.getPosition()), params.getNumber());
  return kj::READY_NOW;
}

}  // namespace meridian::sim
