#include "runtime/rpc/stream-wire.h"

#include <kj/debug.h>

#include <vector>

#include "runtime/rpc/frame-reader.h"

namespace meridian::rpc {

namespace {

class StreamWire final: public Wire, private actor::IdleWork {
 public:
  StreamWire(actor::Shard& shard, env::Clock& clock, kj::Own<kj::AsyncIoStream> stream, kj::String peer, const PeerLimits& limits)
      : shard_(shard), clock_(clock), stream_(kj::mv(stream)), peer_(kj::mv(peer)), limits_(limits) {}
  ~StreamWire() noexcept(false) { shard_.forget(*this); }

  void write(Packet&& packet) override {
    if (broken_ != nullptr) return;
    if (queuedBytes_ > limits_.unreadBytesMax) {
      return breakOff(overLimit("more than ", limits_.unreadBytesMax, " bytes left unread (unreadBytesMax)"));
    }
    queuedBytes_ += packet.words.asBytes().size();
    queued_.push_back(kj::mv(packet.words));
    shard_.whenIdle(*this);
  }

  kj::Promise<kj::Maybe<Packet>> read() override {
    KJ_IF_MAYBE(reason, broken_) return kj::cp(*reason);
    return reads_.wrap(kj::evalNow([this]() { return readMessage(); }));
  }

  kj::Promise<void> shutdown() override {
    onIdle();
    return writing_.then([this]() {
      if (broken_ == nullptr) stream_->shutdownWrite();
    });
  }

  kj::StringPtr peer() const override { return peer_; }

 private:
  kj::Promise<kj::Maybe<Packet>> readMessage() {
    KJ_IF_MAYBE(words, frames_.next()) {
      late_ = nullptr;
      return kj::Maybe<Packet>(Packet{kj::mv(*words), Lsn(0)});
    }
    auto room = frames_.room();
    auto reading = stream_->tryRead(room.begin(), 1, room.size());
    if (frames_.midMessage()) reading = reading.exclusiveJoin(whenLate());
    return reading.then([this](size_t bytes) -> kj::Promise<kj::Maybe<Packet>> {
      if (bytes == 0 && !frames_.midMessage()) return kj::Maybe<Packet>(nullptr);
      if (bytes == 0) return KJ_EXCEPTION(DISCONNECTED, "the stream ended within a message");
      frames_.arrived(bytes);
      return readMessage();
    });
  }

  // One term for the whole message, however many reads it takes.
  kj::Promise<size_t> whenLate() {
    KJ_IF_MAYBE(late, late_) return late->addBranch();
    auto late = clock_.after(limits_.frameTimeMax).then([this]() -> size_t {
      kj::throwFatalException(overLimit("a message that took longer than ", toMs(limits_.frameTimeMax), " ms (frameTimeMax)"));
    });
    return late_.emplace(late.fork()).addBranch();
  }

  void onIdle() override {
    if (queued_.empty() || writeUnderWay_) return;
    auto batch = kj::heap<std::vector<kj::Array<capnp::word>>>(kj::mv(queued_));
    queued_.clear();
    auto pieces = kj::heapArrayBuilder<const kj::ArrayPtr<const kj::byte>>(batch->size());
    size_t bytes = 0;
    for (auto& words : *batch) {
      pieces.add(words.asBytes());
      bytes += words.asBytes().size();
    }
    auto finished = pieces.finish();
    writeUnderWay_ = true;
    // A stream may fail at once, and a peer that has gone is no failure of the loop.
    auto written = kj::evalNow([&]() { return stream_->write(finished.asPtr()); }).attach(kj::mv(finished), kj::mv(batch));
    writing_ = written.then(
        [this, bytes]() {
          writeUnderWay_ = false;
          queuedBytes_ -= bytes;
          if (!queued_.empty()) shard_.whenIdle(*this);
        },
        [this](kj::Exception&& reason) { breakOff(kj::mv(reason)); }).eagerlyEvaluate(nullptr);
  }

  void breakOff(kj::Exception&& reason) {
    queued_.clear();
    reads_.cancel(reason);
    broken_ = kj::mv(reason);
  }

  actor::Shard& shard_;
  env::Clock& clock_;
  kj::Own<kj::AsyncIoStream> stream_;
  kj::String peer_;
  PeerLimits limits_;
  FrameReader frames_{limits_};
  kj::Maybe<kj::ForkedPromise<size_t>> late_;
  std::vector<kj::Array<capnp::word>> queued_;
  size_t queuedBytes_ = 0;   // with those of the write under way
  bool writeUnderWay_ = false;
  kj::Maybe<kj::Exception> broken_;
  kj::Promise<void> writing_ = kj::READY_NOW;
  kj::Canceler reads_;
};

}  // namespace

kj::Own<Wire> newStreamWire(actor::Shard& shard, env::Clock& clock, kj::Own<kj::AsyncIoStream> stream, kj::String peer,
                            const PeerLimits& limits) {
  return kj::heap<StreamWire>(shard, clock, kj::mv(stream), kj::mv(peer), limits);
}

}  // namespace meridian::rpc
