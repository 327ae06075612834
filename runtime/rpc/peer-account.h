// PeerAccount: what the peer of one connection makes this vat keep, counted from the messages that pass, and the check of each message
// before the RPC system sees it. The RPC system itself trusts its peer with memory, with recursion and with numbers.
//
// Every number that this side chooses (of exports, of questions, of embargoes) is the lowest free one, as the RPC system does it: so a
// number that reaches a limit proves that so many are in use, and none has to be counted.
#pragma once

#include <capnp/rpc.capnp.h>
#include <kj/array.h>

#include <map>
#include <optional>

#include "runtime/rpc/peer-limits.h"
#include "runtime/rpc/promise-chains.h"

namespace meridian::rpc {

class PeerAccount {
 public:
  explicit PeerAccount(const PeerLimits& limits): limits_(limits), chains_(limits.promiseChainMax) {}

  // The peer has sent this message. Throws FAILED when it is not well formed or breaks a limit.
  void received(kj::ArrayPtr<const capnp::word> message);

  // This vat sends this message. Answers why the connection must end, if it must: senders cannot be stopped.
  kj::Maybe<kj::Exception> sent(capnp::rpc::Message::Reader message, size_t bytes);

  size_t questions() const { return questions_.size(); }
  size_t questionBytes() const { return questionBytes_; }

 private:
  enum class Progress { ASKED, ANSWERED, FINISHED };   // FINISHED: by the peer, before it is answered
  struct Question {
    Progress progress;
    size_t bytes;
    size_t depth;      // how many unfinished calls it stands on
    bool redirected;
  };

  void ask(uint32_t id, Question question);
  void receivedCall(capnp::rpc::Call::Reader call, size_t bytes);
  void receivedResolve(capnp::rpc::Resolve::Reader resolve);
  void finished(uint32_t id);
  void answered(capnp::rpc::Return::Reader answer, size_t bytes);
  void erase(std::map<uint32_t, Question>::iterator question);
  void standsOn(uint32_t id);
  size_t depthOn(capnp::rpc::PromisedAnswer::Reader answer) const;
  kj::Maybe<kj::Exception> exported(capnp::rpc::CapDescriptor::Reader descriptor) const;
  kj::Maybe<kj::Exception> exported(capnp::rpc::Payload::Reader payload) const;

  const PeerLimits& limits_;
  std::map<uint32_t, Question> questions_;   // the peer chooses the keys
  size_t questionBytes_ = 0;
  size_t redirected_ = 0;
  PromiseChains chains_;
};

}  // namespace meridian::rpc
