#include "runtime/actor/call.h"

namespace meridian::actor {

class Call::CallerEnd {
 public:
  CallerEnd(kj::PromiseFulfiller<void>& fulfiller, Call& call): call_(kj::addRef(call)) {
    call.fulfiller_ = &fulfiller;
  }
  ~CallerEnd() noexcept(false) {
    call_->fulfiller_ = nullptr;
    if (!call_->finished_ && call_->owner_ != nullptr) call_->owner_->callerGone(*call_);
  }

 private:
  kj::Own<Call> call_;
};

Call::Call(uint64_t interfaceId, uint16_t methodId, kj::Own<capnp::CallContextHook> context)
    : interfaceId(interfaceId), methodId(methodId), context_(kj::mv(context)),
      tailCall_(context_->onTailCall()
                    .then([this](capnp::AnyPointer::Pipeline&& pipeline) {
                      redirect_ = capnp::PipelineHook::from(kj::mv(pipeline));
                      settlePipeline();
                    })
                    .eagerlyEvaluate(nullptr)) {}

Call::~Call() noexcept(false) = default;

kj::Promise<void> Call::promise() { return kj::newAdaptedPromise<void, CallerEnd>(*this); }

void Call::fulfill(Lsn observed) {
  if (finished_) return;
  settle(observed);
  if (fulfiller_ != nullptr) fulfiller_->fulfill();
}

void Call::reject(kj::Exception&& reason, Lsn observed) {
  if (finished_) return;
  failure_ = kj::cp(reason);
  settle(observed);
  if (fulfiller_ != nullptr) fulfiller_->reject(kj::mv(reason));
}

void Call::settle(Lsn observed) {
  finished_ = true;
  answerDependency_ = observed;
  // A caller may keep the answer, and with it this object, as long as it likes; but not what it sent.
  context_->releaseParams();
  settlePipeline();
}

void Call::settlePipeline() {
  auto queued = kj::mv(queued_);
  queued_.clear();
  for (auto& each : queued) each.value.fulfiller->fulfill(getPipelinedCap(each.key.asPtr()));
}

kj::Own<capnp::ClientHook> Call::getPipelinedCap(kj::ArrayPtr<const capnp::PipelineOp> ops) {
  auto copy = kj::heapArrayBuilder<capnp::PipelineOp>(ops.size());
  for (auto& op : ops) copy.add(op);
  return getPipelinedCap(copy.finish());
}

kj::Own<capnp::ClientHook> Call::getPipelinedCap(kj::Array<capnp::PipelineOp>&& ops) {
  KJ_IF_MAYBE(target, redirect_) return target->get()->getPipelinedCap(kj::mv(ops));
  KJ_IF_MAYBE(reason, failure_) return capnp::newBrokenCap(kj::cp(*reason));
  if (finished_) {
    return context_->getResults(capnp::MessageSize{0, 0}).asReader().getPipelinedCap(ops);
  }
  KJ_IF_MAYBE(known, queued_.find(ops)) return known->client->addRef();
  auto paf = kj::newPromiseAndFulfiller<kj::Own<capnp::ClientHook>>();
  auto client = capnp::newLocalPromiseClient(kj::mv(paf.promise));
  auto reference = client->addRef();
  queued_.insert(kj::mv(ops), {kj::mv(paf.fulfiller), kj::mv(client)});
  return reference;
}

}  // namespace meridian::actor
