#include "runtime/rpc/memory-wire.h"

#include <kj/debug.h>

#include <deque>
#include <memory>
#include <mutex>

namespace meridian::rpc {

namespace {

// What one end has been sent and has not read. Filled from the other end's thread, emptied on its own.
class Inbox {
 public:
  explicit Inbox(actor::Shard& shard): door_(shard.door()) {}

  // Any thread.
  void push(std::shared_ptr<Inbox> self, kj::Maybe<Packet> packet) {
    bool wasEmpty;
    {
      std::lock_guard lock(mutex_);
      wasEmpty = packets_.empty();
      packets_.push_back(kj::mv(packet));
    }
    if (wasEmpty) door_->post([self = kj::mv(self)]() { self->arrived(); });
  }

  // The shard's thread.
  kj::Promise<kj::Maybe<Packet>> read() {
    {
      std::lock_guard lock(mutex_);
      if (!packets_.empty()) return takeLocked();
    }
    auto paf = kj::newPromiseAndFulfiller<kj::Maybe<Packet>>();
    reader_ = kj::mv(paf.fulfiller);
    return kj::mv(paf.promise);
  }

 private:
  void arrived() {
    KJ_IF_MAYBE(reader, reader_) {
      std::lock_guard lock(mutex_);
      if (packets_.empty()) return;
      auto fulfiller = kj::mv(*reader);
      reader_ = nullptr;
      fulfiller->fulfill(takeLocked());
    }
  }

  kj::Maybe<Packet> takeLocked() {
    auto packet = kj::mv(packets_.front());
    if (packet != nullptr) packets_.pop_front();   // The end of the stream stays.
    return packet;
  }

  std::shared_ptr<actor::Door> door_;
  std::mutex mutex_;
  std::deque<kj::Maybe<Packet>> packets_;   // none: the other end has shut down
  kj::Maybe<kj::Own<kj::PromiseFulfiller<kj::Maybe<Packet>>>> reader_;
};

class MemoryWire final: public Wire {
 public:
  MemoryWire(std::shared_ptr<Inbox> mine, std::shared_ptr<Inbox> peer, Stores stores)
      : mine_(kj::mv(mine)), peer_(kj::mv(peer)), stores_(stores) {}
  ~MemoryWire() noexcept(false) { end(); }

  void write(Packet&& packet) override {
    if (!ended_) peer_->push(peer_, kj::mv(packet));
  }
  kj::Promise<kj::Maybe<Packet>> read() override { return mine_->read(); }
  kj::Promise<void> shutdown() override {
    end();
    return kj::READY_NOW;
  }
  bool sharesStore() const override { return stores_ == Stores::SHARED; }

 private:
  void end() {
    if (ended_) return;
    ended_ = true;
    peer_->push(peer_, nullptr);
  }

  std::shared_ptr<Inbox> mine_;
  std::shared_ptr<Inbox> peer_;
  Stores stores_;
  bool ended_ = false;
};

}  // namespace

MemoryWires newMemoryWires(actor::Shard& left, actor::Shard& right, Stores stores) {
  auto leftInbox = std::make_shared<Inbox>(left);
  auto rightInbox = std::make_shared<Inbox>(right);
  return {kj::heap<MemoryWire>(leftInbox, rightInbox, stores), kj::heap<MemoryWire>(rightInbox, leftInbox, stores)};
}

}  // namespace meridian::rpc
