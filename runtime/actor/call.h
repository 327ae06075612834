// Call: one method call on its way through an actor: an element of the mailbox, then in flight, then answered. It is also the
// pipeline of the call: calls on capabilities in its results queue up until they are known.
//
// Thread: the shard's. Reference counted: held by the mailbox or the activation, by the caller's promise, and by pipelines.
#pragma once

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/map.h>
#include <kj/refcount.h>

#include "runtime/base/names.h"

namespace meridian::actor {

class Call;

// Who has taken the call; told when its caller has gone.
class CallOwner {
 public:
  virtual void callerGone(Call& call) = 0;

 protected:
  ~CallOwner() = default;
};

class Call final: public capnp::PipelineHook, public kj::Refcounted {
 public:
  Call(uint64_t interfaceId, uint16_t methodId, kj::Own<capnp::CallContextHook> context);
  ~Call() noexcept(false);

  const uint64_t interfaceId;
  const uint16_t methodId;

  capnp::CallContextHook& context() { return *context_; }

  // What its caller had observed when it made the call.
  void causedBy(Lsn lsn) { cause_ = lsn; }
  Lsn cause() const { return cause_; }

  // What the answer depends on; set when it is finished.
  Lsn answerDependency() const { return answerDependency_; }

  // The caller's end. Dropping it tells `owner`, which must outlive the call or disown it.
  kj::Promise<void> promise();
  void ownedBy(CallOwner* owner) { owner_ = owner; }

  void fulfill(Lsn observed);
  void reject(kj::Exception&& reason, Lsn observed);
  bool finished() const { return finished_; }

  kj::Own<capnp::PipelineHook> addRef() override { return kj::addRef(*this); }
  kj::Own<capnp::ClientHook> getPipelinedCap(kj::ArrayPtr<const capnp::PipelineOp> ops) override;
  kj::Own<capnp::ClientHook> getPipelinedCap(kj::Array<capnp::PipelineOp>&& ops) override;

 private:
  class CallerEnd;

  struct Queued {
    kj::Own<kj::PromiseFulfiller<kj::Own<capnp::ClientHook>>> fulfiller;
    kj::Own<capnp::ClientHook> client;
  };

  void settle(Lsn observed);
  void settlePipeline();

  kj::Own<capnp::CallContextHook> context_;
  CallOwner* owner_ = nullptr;
  Lsn cause_;
  Lsn answerDependency_;
  bool finished_ = false;
  kj::Maybe<kj::Exception> failure_;
  kj::PromiseFulfiller<void>* fulfiller_ = nullptr;
  kj::HashMap<kj::Array<capnp::PipelineOp>, Queued> queued_;
  kj::Maybe<kj::Own<capnp::PipelineHook>> redirect_;   // of a tail call or setPipeline
  kj::Promise<void> tailCall_;
};

}  // namespace meridian::actor
