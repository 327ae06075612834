// Posts: what was posted to rooms, what subscribers and members heard of it, and what the rooms' logs hold. Nothing is heard that is not
// in a log for ever; each session is heard in its order; what was acknowledged stays, once.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/world/stage.h"
#include "sim/world/store.h"

namespace meridian::sim {

class Posts {
 public:
  struct Line {
    std::string session;
    uint64_t number;
    friend auto operator<=>(const Line&, const Line&) = default;
  };
  using DiskOf = std::function<const SimDisk&(const std::string& room)>;

  Posts(Stage& stage, DiskOf diskOf): stage_(stage), diskOf_(std::move(diskOf)) {}

  void acknowledged(const std::string& room, uint64_t position, Line line);

  // Somebody outside of the room's store was told.
  void heard(const std::string& room, uint64_t position, const Line& line);

  // The same, by one subscription of a room, which hears everything in order.
  struct Subscription {
    uint64_t position = 0;
    std::map<std::string, uint64_t> numbers;   // the last of each session
  };
  void heard(Subscription& subscription, const std::string& room, uint64_t position, const Line& line);

  void requireLogged(const std::string& room);

 private:
  std::map<uint64_t, Line> log(const std::string& room);

  Stage& stage_;
  DiskOf diskOf_;
  std::map<std::string, std::map<uint64_t, Line>> acknowledged_;
};

}  // namespace meridian::sim
