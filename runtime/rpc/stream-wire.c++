#include "runtime/rpc/stream-wire.h"

#include <capnp/message.h>
#include <capnp/serialize-async.h>
#include <capnp/serialize.h>
#include <kj/debug.h>

#include <vector>

namespace meridian::rpc {

namespace {

constexpr uint64_t MESSAGE_WORDS_MAX = 8 << 20;    // 64 MiB; a longer one breaks the connection
constexpr size_t QUEUED_BYTES_MAX = 256 << 20;     // to a peer that does not read; then the connection breaks

class StreamWire final: public Wire, private actor::IdleWork {
 public:
  StreamWire(actor::Shard& shard, kj::Own<kj::AsyncIoStream> stream)
      : shard_(shard), stream_(kj::mv(stream)) {}
  ~StreamWire() noexcept(false) { shard_.forget(*this); }

  void write(Packet&& packet) override {
    if (broken_) return;
    queuedBytes_ += packet.words.asBytes().size();
    if (queuedBytes_ > QUEUED_BYTES_MAX) return breakOff();
    queued_.push_back(kj::mv(packet.words));
    shard_.whenIdle(*this);
  }

  kj::Promise<kj::Maybe<Packet>> read() override {
    return capnp::tryReadMessage(*stream_, readOptions(), nullptr)
        .then([](kj::Maybe<kj::Own<capnp::MessageReader>>&& message) -> kj::Maybe<Packet> {
          KJ_IF_MAYBE(reader, message) return Packet{flatten(**reader), Lsn(0)};
          return nullptr;
        });
  }

  kj::Promise<void> shutdown() override {
    onIdle();
    return writing_.then([this]() {
      if (!broken_) stream_->shutdownWrite();
    });
  }

 private:
  static capnp::ReaderOptions readOptions() {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = MESSAGE_WORDS_MAX;
    return options;
  }

  // The connection above wants flat words, as a memory wire gives them.
  static kj::Array<capnp::word> flatten(capnp::MessageReader& reader) {
    kj::Vector<kj::ArrayPtr<const capnp::word>> segments;
    for (unsigned int id = 0;; id++) {
      auto segment = reader.getSegment(id);
      if (segment == nullptr) break;
      segments.add(segment);
    }
    return capnp::messageToFlatArray(segments.asPtr());
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
        [this](kj::Exception&&) { breakOff(); }).eagerlyEvaluate(nullptr);
  }

  void breakOff() {
    broken_ = true;
    queued_.clear();
    stream_->abortRead();
  }

  actor::Shard& shard_;
  kj::Own<kj::AsyncIoStream> stream_;
  std::vector<kj::Array<capnp::word>> queued_;
  size_t queuedBytes_ = 0;
  bool writeUnderWay_ = false;
  bool broken_ = false;
  kj::Promise<void> writing_ = kj::READY_NOW;
};

}  // namespace

kj::Own<Wire> newStreamWire(actor::Shard& shard, kj::Own<kj::AsyncIoStream> stream) {
  return kj::heap<StreamWire>(shard, kj::mv(stream));
}

}  // namespace meridian::rpc
