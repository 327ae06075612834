#include "runtime/actor/actor-reference.h"

#include <kj/refcount.h>

#include <memory>

#include "runtime/actor/call.h"
#include "runtime/actor/host.h"
#include "runtime/actor/local-call.h"

namespace meridian::actor {

// It may outlive its host: an RPC connection lets go of a call under way only when that has been answered.
class ActorReference final: public capnp::ClientHook, public kj::Refcounted {
 public:
  ActorReference(Host& host, Address address): host_(host), hostAlive_(host.alive_), address_(kj::mv(address)) {}

  capnp::Request<capnp::AnyPointer, capnp::AnyPointer> newCall(
      uint64_t interfaceId, uint16_t methodId, kj::Maybe<capnp::MessageSize> sizeHint) override {
    KJ_IF_MAYBE(remote, host_.directory_.elsewhere(address_)) {
      return ClientHook::from(kj::mv(*remote))->newCall(interfaceId, methodId, sizeHint);
    }
    return newLocalRequest(addRef(), interfaceId, methodId, sizeHint);
  }

  VoidPromiseAndPipeline call(uint64_t interfaceId, uint16_t methodId,
                              kj::Own<capnp::CallContextHook>&& context) override {
    if (!*hostAlive_) return {hostEnded(), capnp::newBrokenPipeline(hostEnded())};
    KJ_IF_MAYBE(remote, host_.directory_.elsewhere(address_)) {
      return ClientHook::from(kj::mv(*remote))->call(interfaceId, methodId, kj::mv(context));
    }
    auto call = kj::refcounted<Call>(interfaceId, methodId, kj::mv(context));
    auto answered = call->promise();
    KJ_IF_MAYBE(refusal, kj::runCatchingExceptions([&]() { host_.deliver(address_, kj::addRef(*call)); })) {
      return {kj::cp(*refusal), capnp::newBrokenPipeline(kj::mv(*refusal))};
    }
    // Lazily evaluated: runs in the same event as, and just before, whoever takes the answer.
    answered = answered.then(
        [this, self = addRef(), call = kj::addRef(*call)]() { replying(*call); },
        [this, self = addRef(), call = kj::addRef(*call)](kj::Exception&& reason) {
          replying(*call);
          kj::throwFatalException(kj::mv(reason));
        });
    return {kj::mv(answered), kj::mv(call)};
  }

  kj::Maybe<ClientHook&> getResolved() override { return nullptr; }
  kj::Maybe<kj::Promise<kj::Own<ClientHook>>> whenMoreResolved() override { return nullptr; }
  kj::Own<ClientHook> addRef() override { return kj::addRef(*this); }
  const void* getBrand() override { return &BRAND; }
  kj::Maybe<int> getFd() override { return nullptr; }

 private:
  static constexpr int BRAND = 0;

  static kj::Exception hostEnded() { return KJ_EXCEPTION(DISCONNECTED, "the host has ended"); }

  void replying(const Call& call) {
    if (*hostAlive_) host_.gate().replying(call.answerDependency());
  }

  Host& host_;
  std::shared_ptr<bool> hostAlive_;
  Address address_;
};

capnp::Capability::Client newActorReference(Host& host, Address address) {
  return capnp::Capability::Client(
      kj::Own<capnp::ClientHook>(kj::refcounted<ActorReference>(host, kj::mv(address))));
}

}  // namespace meridian::actor
