// RawPeer: a peer of a toy vat that sends the messages a test makes, also those that no RPC system would send, and keeps what it is sent.
#pragma once

#include <capnp/message.h>
#include <capnp/rpc.capnp.h>
#include <capnp/serialize.h>

#include <string>
#include <vector>

#include "runtime/rpc/memory-wire.h"
#include "tests/contract/toy-world.h"

namespace meridian::toy {

class RawPeer {
 public:
  explicit RawPeer(ToyWorld& world, const rpc::PeerLimits& limits = rpc::limitsOfStrangers()): world_(world), reading_(nullptr) {
    auto& vat = world.vat(0);
    auto wires = rpc::newMemoryWires(world.embedder().shard(), vat.shard(), rpc::Stores::APART);
    vat.accept(kj::mv(wires.right), limits);
    wire_ = kj::mv(wires.left);
    reading_ = readAll().eagerlyEvaluate(nullptr);
  }

  void send(kj::Array<capnp::word> words) { wire_->write({kj::mv(words), Lsn(0)}); }

  template <typename Build>
  void send(Build build) {
    capnp::MallocMessageBuilder message;
    build(message.initRoot<capnp::rpc::Message>());
    send(capnp::messageToFlatArray(message));
  }

  // The usual messages, of the bootstrap or of the capability at the first pointer of a question's answer.
  void bootstrap(uint32_t question) {
    send([question](auto message) { message.initBootstrap().setQuestionId(question); });
  }
  void finish(uint32_t question, bool releaseCapabilities = true) {
    send([question, releaseCapabilities](auto message) {
      auto finish = message.initFinish();
      finish.setQuestionId(question);
      finish.setReleaseResultCaps(releaseCapabilities);
    });
  }

  // The vat has ended the connection.
  bool ended() {
    world_.settle();
    return ended_;
  }

  // Why, as it told the peer; empty when it did not.
  std::string reason() {
    for (auto& words : received_) {
      capnp::FlatArrayMessageReader reader(words);
      auto message = reader.getRoot<capnp::rpc::Message>();
      if (message.isAbort()) return message.getAbort().getReason().cStr();
    }
    return "";
  }

  // How many messages of this kind it was sent.
  size_t count(capnp::rpc::Message::Which kind) {
    world_.settle();
    size_t found = 0;
    for (auto& words : received_) {
      capnp::FlatArrayMessageReader reader(words);
      found += reader.getRoot<capnp::rpc::Message>().which() == kind;
    }
    return found;
  }

 private:
  kj::Promise<void> readAll() {
    return wire_->read().then([this](kj::Maybe<rpc::Packet>&& packet) -> kj::Promise<void> {
      KJ_IF_MAYBE(received, packet) {
        received_.push_back(kj::mv(received->words));
        return readAll();
      }
      ended_ = true;
      return kj::READY_NOW;
    });
  }

  ToyWorld& world_;
  kj::Own<rpc::Wire> wire_;
  std::vector<kj::Array<capnp::word>> received_;
  bool ended_ = false;
  kj::Promise<void> reading_;
};

}  // namespace meridian::toy
