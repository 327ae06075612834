// RoomActor: a log, the members that it is told to, and, in memory, its subscribers. While somebody subscribes the room stays in memory.
#pragma once

#include <functional>
#include <map>

#include "runtime/actor/durable-actor.h"
#include "sim/toys/room.capnp.h"

namespace meridian::sim {

// A line of a room's log, as it is stored under "log/<position>" with its position in eight digits.
struct Post {
  uint64_t number;
  char session[40];
};

class RoomActor final: public actor::DurableActor<toys::Room> {
 public:
  kj::Promise<void> join(JoinContext context) override;
  kj::Promise<void> post(PostContext context) override;
  kj::Promise<void> enlist(EnlistContext context) override;

 private:
  class LineServer;

  void tellAll(uint64_t position, kj::StringPtr session, uint64_t number);

  std::map<uint64_t, toys::Subscriber::Client> subscribers_;
  uint64_t lastSubscriber_ = 0;
};

// What a member was told, before it does anything.
using Delivery = std::function<void(const std::string& member, const std::string& room, uint64_t position, const std::string& session,
                                    uint64_t number)>;

class MemberActor final: public actor::DurableActor<toys::Member> {
 public:
  explicit MemberActor(const Delivery& delivery): delivery_(delivery) {}

  kj::Promise<void> deliver(DeliverContext context) override;

 private:
  const Delivery& delivery_;
};

std::string logKey(uint64_t position);

}  // namespace meridian::sim
