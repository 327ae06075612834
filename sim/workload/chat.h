// The workload of `chat`: clients join rooms, post to them by the lines they were given, and hear what others post; members on all
// servers hear it too.
#pragma once

#include <map>
#include <memory>

#include "sim/check/posts.h"
#include "sim/cluster/story.h"
#include "sim/toys/room-actor.h"

namespace meridian::sim {

class Chat final: public Workload {
 public:
  explicit Chat(WorkloadParts parts);

  std::vector<actor::ActorKind> kinds(const std::string& server) override;
  void started(ActorClient& client) override;
  void act(ActorClient& client) override;
  std::vector<Question> exam(ActorClient& examiner) override;
  std::vector<Question> conclude(ActorClient& examiner) override;

 private:
  static constexpr size_t ROOMS = 3;
  static constexpr size_t MEMBERS = 4;
  static constexpr size_t SESSIONS_MAX = 4;          // of one client

  class SubscriberServer;
  // One stay of a client in a room.
  struct Session {
    std::string name;
    std::string room;
    toys::Line::Client line;
    uint64_t posted = 0;
    bool isBroken = false;
  };

  void join(ActorClient& client);
  void post(ActorClient& client, std::shared_ptr<Session> session);
  void enlist(ActorClient& client);
  std::shared_ptr<Session> joined(ActorClient& client, const std::string& room);
  kj::Promise<void> hears(ActorClient& examiner, const std::string& room);

  Cluster& cluster_;
  const ClusterOptions& options_;
  Random random_;
  Posts posts_;
  Delivery delivery_;
  uint64_t lastSession_ = 0;
  std::map<std::string, std::vector<std::shared_ptr<Session>>> sessions_;    // by client, of its present life
  kj::ForkedPromise<void> leaving_;
  kj::Own<kj::PromiseFulfiller<void>> leave_;
  std::map<std::string, uint64_t> heardLast_;                                // by session: the last number that it heard of itself
};

Scenario chatScenario();

}  // namespace meridian::sim
