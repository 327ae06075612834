#include "runtime/actor/local-call.h"

#include <capnp/message.h>
#include <kj/debug.h>

namespace meridian::actor {

namespace {

constexpr unsigned int FIRST_SEGMENT_WORDS = 64;

unsigned int firstSegment(kj::Maybe<capnp::MessageSize> sizeHint) {
  KJ_IF_MAYBE(size, sizeHint) return static_cast<unsigned int>(size->wordCount) + 1;
  return FIRST_SEGMENT_WORDS;
}

class LocalCall final: public capnp::CallContextHook, public capnp::ResponseHook, public kj::Refcounted {
 public:
  LocalCall(kj::Own<capnp::ClientHook> target, uint64_t interfaceId, uint16_t methodId,
            kj::Maybe<capnp::MessageSize> sizeHint)
      : target_(kj::mv(target)), interfaceId_(interfaceId), methodId_(methodId) {
    params_.emplace(firstSegment(sizeHint));
  }

  capnp::AnyPointer::Builder paramsBuilder() {
    return KJ_REQUIRE_NONNULL(params_).getRoot<capnp::AnyPointer>();
  }

  capnp::RemotePromise<capnp::AnyPointer> start() {
    auto started = target_->call(interfaceId_, methodId_, addRef());
    auto response = started.promise.then([self = kj::addRef(*this)]() mutable { return self->takeResponse(); });
    return {kj::mv(response), capnp::AnyPointer::Pipeline(kj::mv(started.pipeline))};
  }

  // CallContextHook
  capnp::AnyPointer::Reader getParams() override { return paramsBuilder().asReader(); }
  void releaseParams() override { params_ = nullptr; }
  capnp::AnyPointer::Builder getResults(kj::Maybe<capnp::MessageSize> sizeHint) override {
    if (results_ == nullptr) results_.emplace(firstSegment(sizeHint));
    return KJ_ASSERT_NONNULL(results_).getRoot<capnp::AnyPointer>();
  }
  void allowCancellation() override {}   // A local caller may always go; the activation decides what that means.
  void setPipeline(kj::Own<capnp::PipelineHook>&& pipeline) override {
    KJ_IF_MAYBE(fulfiller, onTailCall_) (*fulfiller)->fulfill(capnp::AnyPointer::Pipeline(kj::mv(pipeline)));
  }
  kj::Promise<capnp::AnyPointer::Pipeline> onTailCall() override {
    auto paf = kj::newPromiseAndFulfiller<capnp::AnyPointer::Pipeline>();
    onTailCall_ = kj::mv(paf.fulfiller);
    return kj::mv(paf.promise);
  }
  kj::Promise<void> tailCall(kj::Own<capnp::RequestHook>&& request) override {
    auto started = directTailCall(kj::mv(request));
    setPipeline(kj::mv(started.pipeline));
    return kj::mv(started.promise);
  }
  capnp::ClientHook::VoidPromiseAndPipeline directTailCall(kj::Own<capnp::RequestHook>&& request) override {
    KJ_REQUIRE(results_ == nullptr, "a tail call comes before any result is set");
    releaseParams();
    auto sent = request->send();
    auto done = sent.then([this](capnp::Response<capnp::AnyPointer>&& response) { tailResponse_ = kj::mv(response); });
    return {kj::mv(done), capnp::PipelineHook::from(kj::mv(sent))};
  }
  kj::Own<capnp::CallContextHook> addRef() override { return kj::addRef(*this); }

 private:
  capnp::Response<capnp::AnyPointer> takeResponse() {
    KJ_IF_MAYBE(response, tailResponse_) return kj::mv(*response);
    auto reader = getResults(nullptr).asReader();
    releaseParams();
    target_ = nullptr;
    return {reader, kj::Own<capnp::ResponseHook>(kj::addRef(*this))};
  }

  kj::Own<capnp::ClientHook> target_;
  uint64_t interfaceId_;
  uint16_t methodId_;
  kj::Maybe<capnp::MallocMessageBuilder> params_;
  kj::Maybe<capnp::MallocMessageBuilder> results_;
  kj::Maybe<capnp::Response<capnp::AnyPointer>> tailResponse_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<capnp::AnyPointer::Pipeline>>> onTailCall_;
};

class LocalRequest final: public capnp::RequestHook {
 public:
  explicit LocalRequest(kj::Own<LocalCall> call): call_(kj::mv(call)) {}

  capnp::RemotePromise<capnp::AnyPointer> send() override { return call_->start(); }
  kj::Promise<void> sendStreaming() override { return call_->start().ignoreResult(); }
  const void* getBrand() override { return nullptr; }

 private:
  kj::Own<LocalCall> call_;
};

}  // namespace

capnp::Request<capnp::AnyPointer, capnp::AnyPointer> newLocalRequest(
    kj::Own<capnp::ClientHook> target, uint64_t interfaceId, uint16_t methodId,
    kj::Maybe<capnp::MessageSize> sizeHint) {
  auto call = kj::refcounted<LocalCall>(kj::mv(target), interfaceId, methodId, sizeHint);
  auto params = call->paramsBuilder();
  return {params, kj::heap<LocalRequest>(kj::mv(call))};
}

}  // namespace meridian::actor
