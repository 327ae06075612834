#include "sim/check/posts.h"

#include <cstring>
#include <set>

#include "sim/toys/room-actor.h"
#include "sim/world/stored-actor.h"

namespace meridian::sim {

namespace {

std::string toText(const Posts::Line& line) { return line.session + "#" + std::to_string(line.number); }

Posts::Line decode(std::string_view bytes) {
  Post post;
  memcpy(&post, bytes.data(), sizeof post);
  return {post.session, post.number};
}

}  // namespace

void Posts::acknowledged(const std::string& room, uint64_t position, Line line) {
  heard(room, position, line);
  acknowledged_[room].emplace(position, std::move(line));
}

void Posts::heard(const std::string& room, uint64_t position, const Line& line) {
  auto stored = StoredActor(diskOf_(room), {"Room", room}).getBytes(logKey(position));
  auto text = room + " told of " + toText(line) + " at " + std::to_string(position);
  if (!stored) return stage_.verdict.wrong("told-early", text + ", which is not durable");
  if (decode(*stored) != line) stage_.verdict.wrong("told-early", text + ", where " + toText(decode(*stored)) + " is durable");
}

void Posts::heard(Subscription& subscription, const std::string& room, uint64_t position, const Line& line) {
  heard(room, position, line);
  auto text = room + " told of " + toText(line) + " at " + std::to_string(position);
  if (position <= subscription.position) {
    stage_.verdict.wrong("order", text + " after " + std::to_string(subscription.position));
  }
  auto& last = subscription.numbers[line.session];
  if (line.number <= last) stage_.verdict.wrong("order", text + " after number " + std::to_string(last));
  subscription.position = position;
  last = line.number;
}

std::map<uint64_t, Posts::Line> Posts::log(const std::string& room) {
  std::map<uint64_t, Line> lines;
  for (auto& entry: StoredActor(diskOf_(room), {"Room", room}).list({.prefix = "log/", .after = {}})) {
    lines.emplace(std::stoull(entry.key.substr(4)), decode(entry.value));
  }
  return lines;
}

void Posts::requireLogged(const std::string& room) {
  auto lines = log(room);
  std::set<Line> seen;
  std::map<std::string, uint64_t> last;
  uint64_t expected = 1;
  for (auto& [position, line]: lines) {
    if (position != expected++) stage_.verdict.wrong("hole", room + " has no line at " + std::to_string(position - 1));
    if (!seen.insert(line).second) stage_.verdict.wrong("twice", room + " has " + toText(line) + " twice");
    if (line.number < last[line.session]) stage_.verdict.wrong("order", room + " has " + toText(line) + " too late");
    last[line.session] = line.number;
  }
  for (auto& [position, line]: acknowledged_[room]) {
    auto found = lines.find(position);
    if (found == lines.end() || found->second != line) {
      stage_.verdict.wrong("lost", room + " has lost " + toText(line) + " at " + std::to_string(position));
    }
  }
}

}  // namespace meridian::sim
