#include "sim/world/network.h"

#include <kj/debug.h>

#include <deque>

#include "sim/world/chance.h"

namespace meridian::sim {

struct SimNetwork::Item {
  enum class Kind { CONNECT, PACKET, END, BREAK };
  Kind kind;
  rpc::Packet packet = {nullptr, Lsn(0)};
};

// One direction of a wire: from the writer's hand to the reader's.
struct SimNetwork::Stream {
  std::string from;
  std::string to;
  std::weak_ptr<Connection> connection;
  enum class Writer { OPEN, CLOSED } writer = Writer::OPEN;   // closed: nothing more is taken
  enum class Reader { THERE, GONE } reader = Reader::THERE;
  Duration lastArrival{};
  std::deque<Item> held;                                       // at the edge of a partition
  std::deque<Item> inbox;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<kj::Maybe<rpc::Packet>>>> waiting;

  void deliver(Item item) {
    if (reader == Reader::GONE) return;
    inbox.push_back(kj::mv(item));
    KJ_IF_MAYBE(fulfiller, waiting) {
      auto taken = kj::mv(*fulfiller);
      waiting = nullptr;
      KJ_IF_MAYBE(error, kj::runCatchingExceptions([&]() { taken->fulfill(take()); })) taken->reject(kj::mv(*error));
    }
  }

  // The end, good or bad, stays.
  kj::Maybe<rpc::Packet> take() {
    switch (inbox.front().kind) {
      case Item::Kind::PACKET: {
        auto packet = kj::mv(inbox.front().packet);
        inbox.pop_front();
        return kj::mv(packet);
      }
      case Item::Kind::END: return nullptr;
      case Item::Kind::CONNECT:
      case Item::Kind::BREAK: break;
    }
    kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the wire broke"));
  }
};

struct SimNetwork::Connection {
  std::shared_ptr<Stream> forth;   // from the one that dialled
  std::shared_ptr<Stream> back;
};

class SimNetwork::SimWire final: public rpc::Wire {
 public:
  SimWire(SimNetwork& network, std::shared_ptr<Connection> connection, std::shared_ptr<Stream> out, std::shared_ptr<Stream> in)
      : network_(network), connection_(kj::mv(connection)), out_(kj::mv(out)), in_(kj::mv(in)) {}
  ~SimWire() noexcept(false) {
    in_->reader = Stream::Reader::GONE;
    end();
  }

  void write(rpc::Packet&& packet) override { network_.send(out_, {Item::Kind::PACKET, kj::mv(packet)}); }

  kj::Promise<kj::Maybe<rpc::Packet>> read() override {
    if (!in_->inbox.empty()) return kj::evalNow([&]() { return in_->take(); });
    auto paf = kj::newPromiseAndFulfiller<kj::Maybe<rpc::Packet>>();
    in_->waiting = kj::mv(paf.fulfiller);
    return kj::mv(paf.promise);
  }

  kj::Promise<void> shutdown() override {
    end();
    return kj::READY_NOW;
  }

 private:
  void end() {
    network_.send(out_, {Item::Kind::END});
    out_->writer = Stream::Writer::CLOSED;
  }

  SimNetwork& network_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Stream> out_;
  std::shared_ptr<Stream> in_;
};

void SimNetwork::listen(const std::string& name, Accept accept) { listeners_.insert_or_assign(name, kj::mv(accept)); }

void SimNetwork::leave(const std::string& name) {
  listeners_.erase(name);
  for (auto& [number, weak]: connections_) {
    auto connection = weak.lock();
    if (connection == nullptr) continue;
    for (auto& stream: {connection->forth, connection->back}) {
      if (stream->to == name) stream->reader = Stream::Reader::GONE;
      if (stream->from == name && stream->writer == Stream::Writer::OPEN) {
        stream->writer = Stream::Writer::CLOSED;
        travel(stream, {Item::Kind::BREAK});
      }
    }
  }
}

kj::Own<rpc::Wire> SimNetwork::dial(const std::string& from, const std::string& to) {
  auto connection = std::make_shared<Connection>();
  auto newStream = [&](const std::string& writer, const std::string& reader) {
    auto stream = std::make_shared<Stream>();
    stream->from = writer;
    stream->to = reader;
    stream->connection = connection;
    return stream;
  };
  connection->forth = newStream(from, to);
  connection->back = newStream(to, from);
  std::erase_if(connections_, [](auto& entry) { return entry.second.expired(); });
  connections_.emplace(++lastConnection_, connection);
  travel(connection->forth, {Item::Kind::CONNECT});
  return kj::heap<SimWire>(*this, connection, connection->forth, connection->back);
}

void SimNetwork::send(const std::shared_ptr<Stream>& stream, Item item) {
  if (stream->writer == Stream::Writer::CLOSED) return;
  if (item.kind == Item::Kind::PACKET && chance(random_, weather_.lossRate)) return lose(*stream);
  travel(stream, kj::mv(item));
}

// From here on nothing passes in this direction; both ends find out.
void SimNetwork::lose(Stream& stream) {
  stage_.say("network", "lost " + stream.from + " -> " + stream.to);
  auto connection = stream.connection.lock();
  stream.writer = Stream::Writer::CLOSED;
  breakOff(*connection->forth, span(random_, {}, weather_.noticeMax));
  breakOff(*connection->back, span(random_, {}, weather_.noticeMax));
}

// The reader of this direction learns, after what is on its way to it or before.
void SimNetwork::breakOff(Stream& stream, Duration delay) {
  auto connection = stream.connection.lock();
  auto shared = connection->forth.get() == &stream ? connection->forth : connection->back;
  stage_.after(delay, [this, shared]() {
    shared->writer = Stream::Writer::CLOSED;
    travel(shared, {Item::Kind::BREAK});
  });
}

Duration SimNetwork::latency() {
  if (chance(random_, weather_.lateRate)) return weather_.latencyMax + span(random_, {}, weather_.lateMax);
  return span(random_, std::chrono::microseconds(20), weather_.latencyMax);
}

void SimNetwork::travel(const std::shared_ptr<Stream>& stream, Item item) {
  auto arrival = std::max(stream->lastArrival, stage_.time.now() + latency());
  stream->lastArrival = arrival;
  stage_.agenda.at(arrival, [this, stream, item = kj::mv(item)]() mutable { arrive(stream, kj::mv(item)); });
}

bool SimNetwork::isCut(const Stream& stream) const { return cuts_.contains({stream.from, stream.to}); }

void SimNetwork::arrive(const std::shared_ptr<Stream>& stream, Item item) {
  if (isCut(*stream) || !stream->held.empty()) {
    if (stream->held.empty()) stage_.after(weather_.patience, [this, stream]() { losePatience(stream); });
    stream->held.push_back(kj::mv(item));
    return;
  }
  if (item.kind != Item::Kind::CONNECT) {
    if (item.kind == Item::Kind::PACKET) {
      auto bytes = item.packet.words.asChars();
      stage_.transcript.hash({bytes.begin(), bytes.size()});
    }
    return stream->deliver(kj::mv(item));
  }
  auto connection = stream->connection.lock();
  if (connection == nullptr) return;
  auto listener = listeners_.find(stream->to);
  if (listener == listeners_.end()) {
    stream->reader = Stream::Reader::GONE;
    connection->back->writer = Stream::Writer::CLOSED;
    return travel(connection->back, {Item::Kind::BREAK});
  }
  listener->second(kj::heap<SimWire>(*this, connection, connection->back, connection->forth));
}

// The sender has heard nothing about what it sent: it takes the wire for broken, and what waits is never sent again.
void SimNetwork::losePatience(const std::shared_ptr<Stream>& stream) {
  if (stream->held.empty()) return;
  stage_.say("network", "gave up " + stream->from + " -> " + stream->to);
  bool connects = stream->held.front().kind == Item::Kind::CONNECT;
  stream->held.clear();
  stream->writer = Stream::Writer::CLOSED;
  if (!connects) stream->held.push_back({Item::Kind::BREAK});
  auto connection = stream->connection.lock();
  if (connection == nullptr) return;
  connection->back->writer = Stream::Writer::CLOSED;
  connection->forth->writer = Stream::Writer::CLOSED;
  auto& senders = stream == connection->forth ? connection->back : connection->forth;
  senders->deliver({Item::Kind::BREAK});
}

void SimNetwork::cut(const std::string& from, const std::string& to) {
  stage_.say("network", "cut " + from + " -> " + to);
  cuts_.insert({from, to});
}

void SimNetwork::healAll() {
  if (cuts_.empty()) return;
  stage_.say("network", "healed");
  cuts_.clear();
  for (auto& [number, weak]: connections_) {
    auto connection = weak.lock();
    if (connection == nullptr) continue;
    for (auto& stream: {connection->forth, connection->back}) {
      auto held = kj::mv(stream->held);
      stream->held.clear();
      // At once: what was sent after them is on its way.
      for (auto& item: held) arrive(stream, kj::mv(item));
    }
  }
}

}  // namespace meridian::sim
