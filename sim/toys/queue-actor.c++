#include "sim/toys/queue-actor.h"

namespace meridian::sim {

namespace {

// Keys are told as within their queue.
void write(capnp::List<toys::Queue::Row>::Builder to, const std::vector<actor::Storage::Entry>& entries, size_t prefix) {
  for (capnp::uint i = 0; i < entries.size(); ++i) {
    to[i].setKey(entries[i].key.substr(prefix));
    to[i].setValue(entries[i].value);
  }
}

}  // namespace

kj::Promise<void> QueueActor::put(PutContext context) {
  auto params = context.getParams();
  auto key = std::string(params.getQueue().cStr()) + params.getKey().cStr();
  Entries replaced;
  if (auto before = storage().getBytes(key)) replaced.push_back({key, *before});
  storage().putBytes(key, params.getValue().cStr());
  write(context.getResults().initReplaced(static_cast<capnp::uint>(replaced.size())), replaced, params.getQueue().size());
  return kj::READY_NOW;
}

QueueActor::Entries QueueActor::take(const std::string& queue, size_t most) {
  Entries taken;
  while (taken.size() < most) {
    auto lowest = storage().list({.prefix = queue, .after = {}, .limit = 1});
    if (lowest.empty()) break;
    storage().erase(lowest.front().key);
    taken.push_back(lowest.front());
  }
  return taken;
}

kj::Promise<void> QueueActor::pop(PopContext context) {
  auto params = context.getParams();
  auto taken = take(params.getQueue().cStr(), params.getMost());
  write(context.getResults().initTaken(static_cast<capnp::uint>(taken.size())), taken, params.getQueue().size());
  return kj::READY_NOW;
}

kj::Promise<void> QueueActor::putAndList(PutAndListContext context) {
  auto params = context.getParams();
  std::string queue = params.getQueue().cStr();
  storage().putBytes(queue + params.getKey().cStr(), params.getValue().cStr());
  auto found = storage().list({.prefix = queue, .after = {}});
  write(context.getResults().initFound(static_cast<capnp::uint>(found.size())), found, queue.size());
  return kj::READY_NOW;
}

kj::Promise<void> QueueActor::list(ListContext context) {
  auto params = context.getParams();
  std::string queue = params.getQueue().cStr();
  std::string after = params.getAfter().size() == 0 ? "" : queue + params.getAfter().cStr();
  auto found = storage().list({.prefix = queue, .after = after, .limit = params.getLimit()});
  write(context.getResults().initFound(static_cast<capnp::uint>(found.size())), found, queue.size());
  return kj::READY_NOW;
}

}  // namespace meridian::sim
