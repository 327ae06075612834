#include "runtime/rpc/lasting-reference.h"

#include <kj/refcount.h>

namespace meridian::rpc {

namespace {

class LastingReference final: public capnp::ClientHook, public kj::Refcounted {
 public:
  explicit LastingReference(kj::Function<capnp::Capability::Client()> find): find_(kj::mv(find)) {}

  capnp::Request<capnp::AnyPointer, capnp::AnyPointer> newCall(
      uint64_t interfaceId, uint16_t methodId, kj::Maybe<capnp::MessageSize> sizeHint) override {
    return ClientHook::from(find_())->newCall(interfaceId, methodId, sizeHint);
  }
  VoidPromiseAndPipeline call(uint64_t interfaceId, uint16_t methodId,
                              kj::Own<capnp::CallContextHook>&& context) override {
    return ClientHook::from(find_())->call(interfaceId, methodId, kj::mv(context));
  }
  kj::Maybe<ClientHook&> getResolved() override { return nullptr; }
  kj::Maybe<kj::Promise<kj::Own<ClientHook>>> whenMoreResolved() override { return nullptr; }
  kj::Own<ClientHook> addRef() override { return kj::addRef(*this); }
  const void* getBrand() override { return &BRAND; }
  kj::Maybe<int> getFd() override { return nullptr; }

 private:
  static constexpr int BRAND = 0;

  kj::Function<capnp::Capability::Client()> find_;
};

}  // namespace

capnp::Capability::Client newLastingReference(kj::Function<capnp::Capability::Client()> find) {
  return capnp::Capability::Client(kj::Own<capnp::ClientHook>(kj::refcounted<LastingReference>(kj::mv(find))));
}

}  // namespace meridian::rpc
