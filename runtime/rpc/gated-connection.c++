#include "runtime/rpc/gated-connection.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/debug.h>
#include <kj/refcount.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace meridian::rpc {

namespace {

constexpr size_t REASON_LOGGED_MAX = 300;   // bytes of what a peer made us say

capnp::ReaderOptions readerOptions(size_t words, const PeerLimits& limits) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = READINGS_MAX * (words + EMPTY_ELEMENTS_MAX);
  options.nestingLimit = limits.nestingMax;
  return options;
}

}  // namespace

// The RPC system may keep it longer than the connection, but then no longer sends it.
class GatedConnection::Outgoing final: public capnp::OutgoingRpcMessage, public kj::Refcounted {
 public:
  enum class Depends { NO, YES };

  Outgoing(GatedConnection& connection, unsigned int firstSegmentWords, Depends depends)
      : connection_(connection),
        message_(firstSegmentWords == 0 ? capnp::SUGGESTED_FIRST_SEGMENT_WORDS : firstSegmentWords), depends_(depends) {}

  // Whether it can say something that an actor has written. Finish and Release only let go of what both sides know.
  bool depends() {
    if (depends_ == Depends::NO) return false;
    auto kind = read().which();
    return kind != capnp::rpc::Message::FINISH && kind != capnp::rpc::Message::RELEASE;
  }

  capnp::AnyPointer::Builder getBody() override { return message_.getRoot<capnp::AnyPointer>(); }
  void send() override { connection_.send(*this); }
  size_t sizeInWords() override {
    size_t words = 0;
    for (auto segment : message_.getSegmentsForOutput()) words += segment.size();
    return words;
  }
  capnp::rpc::Message::Reader read() { return getBody().asReader().getAs<capnp::rpc::Message>(); }
  kj::Array<capnp::word> flatten() { return capnp::messageToFlatArray(message_); }

 private:
  GatedConnection& connection_;
  capnp::MallocMessageBuilder message_;
  Depends depends_;
};

class GatedConnection::Incoming final: public capnp::IncomingRpcMessage {
 public:
  Incoming(Packet&& packet, kj::Maybe<actor::OutputGate&> gate, const PeerLimits& limits)
      : packet_(kj::mv(packet)), reader_(packet_.words, readerOptions(packet_.words.size(), limits)), gate_(gate) {}

  capnp::AnyPointer::Reader getBody() override {
    // The first thing that the RPC system does with a message: what it does next, in this event, the message has caused.
    KJ_IF_MAYBE(gate, gate_) gate->arriving(packet_.dependency);
    gate_ = nullptr;
    return reader_.getRoot<capnp::AnyPointer>();
  }
  size_t sizeInWords() override { return packet_.words.size(); }
  bool isAbort() { return reader_.getRoot<capnp::rpc::Message>().isAbort(); }

 private:
  Packet packet_;
  capnp::FlatArrayMessageReader reader_;
  kj::Maybe<actor::OutputGate&> gate_;
};

GatedConnection::GatedConnection(kj::Own<Wire> wire, Side side, kj::Maybe<actor::OutputGate&> gate, const PeerLimits& limits)
    : wire_(kj::mv(wire)), side_(side), gate_(gate), limits_(limits), disconnected_(nullptr) {
  peerId_.initRoot<capnp::rpc::twoparty::VatId>().setSide(peerSide());
  auto paf = kj::newPromiseAndFulfiller<void>();
  disconnectFulfiller_ = kj::mv(paf.fulfiller);
  disconnected_ = paf.promise.fork();
  KJ_IF_MAYBE(g, gate_) g->attach(*this);
}

GatedConnection::~GatedConnection() noexcept(false) {
  KJ_IF_MAYBE(gate, gate_) gate->detach(*this);
}

kj::Maybe<kj::Own<VatConnection>> GatedConnection::connect(
    capnp::rpc::twoparty::VatId::Reader peer) {
  if (peer.getSide() == side_) return nullptr;
  return kj::Own<VatConnection>(this, kj::NullDisposer::instance);
}

kj::Promise<kj::Own<VatConnection>> GatedConnection::accept() {
  if (side_ == Side::SERVER && !accepted_) {
    accepted_ = true;
    return kj::Own<VatConnection>(this, kj::NullDisposer::instance);
  }
  auto paf = kj::newPromiseAndFulfiller<kj::Own<VatConnection>>();
  neverAccepted_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

capnp::rpc::twoparty::VatId::Reader GatedConnection::getPeerVatId() {
  return peerId_.getRoot<capnp::rpc::twoparty::VatId>();
}

kj::Own<capnp::OutgoingRpcMessage> GatedConnection::newOutgoingMessage(unsigned int firstSegmentWords) {
  auto depends = Outgoing::Depends::YES;
  KJ_IF_MAYBE(gate, gate_) {
    if (gate->independent()) depends = Outgoing::Depends::NO;
  }
  return kj::refcounted<Outgoing>(*this, firstSegmentWords, depends);
}

kj::Promise<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>> GatedConnection::receiveIncomingMessage() {
  KJ_IF_MAYBE(reason, broken_) return kj::cp(*reason);
  KJ_IF_MAYBE(reason, refused_) return kj::cp(*reason);
  auto reading = wire_->read().then(
      [this](kj::Maybe<Packet>&& packet) -> kj::Maybe<kj::Own<capnp::IncomingRpcMessage>> {
        KJ_IF_MAYBE(received, packet) {
          account_.received(received->words);
          auto incoming = kj::heap<Incoming>(kj::mv(*received), gate_, limits_);
          if (incoming->isAbort()) leave();
          return kj::Own<capnp::IncomingRpcMessage>(kj::mv(incoming));
        }
        ended();
        return nullptr;
      },
      [this](kj::Exception&& reason) -> kj::Maybe<kj::Own<capnp::IncomingRpcMessage>> {
        ended();
        kj::throwFatalException(kj::mv(reason));
      });
  return reads_.wrap(kj::mv(reading));
}

kj::Promise<void> GatedConnection::shutdown() {
  ended();
  // What the gate still holds leaves first, if it ever may.
  if (held_.empty() || broken_ != nullptr) return wire_->shutdown();
  auto paf = kj::newPromiseAndFulfiller<void>();
  drained_ = kj::mv(paf.fulfiller);
  return paf.promise.then([this]() { return wire_->shutdown(); });
}

void GatedConnection::send(Outgoing& message) {
  if (broken_ != nullptr) {
    // The RPC system tells the peer why it ends: our own reason, of nothing that an actor wrote.
    if (message.read().isAbort()) wire_->write({message.flatten(), Lsn(0)});
    return;
  }
  auto content = message.read();
  size_t bytes = message.sizeInWords() * sizeof(capnp::word);
  if (content.isAbort()) logAbort(content.getAbort());
  KJ_IF_MAYBE(reason, account_.sent(content, bytes)) refuse(kj::mv(*reason));
  if (heldBytes_ > limits_.unreadBytesMax) {
    return refuse(overLimit("more than ", limits_.unreadBytesMax, " bytes that wait to leave (unreadBytesMax)"));
  }
  std::optional<Lsn> dependency = Lsn(0);
  KJ_IF_MAYBE(gate, gate_) {
    if (message.depends() || gate->inTurn()) dependency = gate->dependency();
  }
  held_.push_back({dependency, bytes, kj::addRef(message)});
  heldBytes_ += bytes;
  releaseHeld();
}

bool GatedConnection::mayPass(const std::optional<Lsn>& dependency) const {
  if (!dependency) return false;
  KJ_IF_MAYBE(gate, gate_) return wire_->sharesStore() || gate->isDurable(*dependency);
  return true;
}

void GatedConnection::releaseHeld() {
  while (!held_.empty() && mayPass(held_.front().dependency)) {
    auto held = kj::mv(held_.front());
    held_.pop_front();
    heldBytes_ -= held.bytes;
    wire_->write({held.message->flatten(), wire_->sharesStore() ? *held.dependency : Lsn(0)});
  }
  if (!held_.empty()) return;
  KJ_IF_MAYBE(drained, drained_) {
    (*drained)->fulfill();
    drained_ = nullptr;
  }
}

void GatedConnection::turnEnded(Lsn observed) {
  for (auto held = held_.rbegin(); held != held_.rend() && !held->dependency; ++held) held->dependency = observed;
  if (!held_.empty()) releaseHeld();
}

void GatedConnection::turnRefused(const kj::Exception& reason) {
  if (!held_.empty() && !held_.back().dependency) breakOff(reason);
}

void GatedConnection::durableMoved(Lsn) {
  if (!held_.empty()) releaseHeld();
}

void GatedConnection::aborted(const kj::Exception& reason) {
  if (!held_.empty() || wire_->sharesStore()) breakOff(reason);
}

// What is held here is undone, so it must not leave; and nothing can leave in its place, since the peer would miss it.
void GatedConnection::breakOff(const kj::Exception& reason) {
  held_.clear();
  broken_ = kj::cp(reason);
  KJ_IF_MAYBE(drained, drained_) {
    (*drained)->fulfill();
    drained_ = nullptr;
  }
  reads_.cancel(reason);
  ended();
}

// The RPC system learns it by what it reads next; it tells the peer, and ends.
void GatedConnection::refuse(kj::Exception&& reason) {
  if (refused_ != nullptr) return;
  reads_.cancel(reason);
  refused_ = kj::mv(reason);
}

// The RPC system's last word to a peer that it does not go on with.
void GatedConnection::logAbort(capnp::rpc::Exception::Reader reason) {
  if (leaving_ || reason.getType() == capnp::rpc::Exception::Type::DISCONNECTED) return;
  auto text = reason.getReason();
  std::string line(text.begin(), std::min(text.size(), REASON_LOGGED_MAX));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  spdlog::warn("rpc-connection-ended peer={} reason={}", wire_->peer().cStr(), line);
}

void GatedConnection::ended() { disconnectFulfiller_->fulfill(); }

}  // namespace meridian::rpc
