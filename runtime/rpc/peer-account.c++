#include "runtime/rpc/peer-account.h"

#include <capnp/any.h>
#include <capnp/serialize.h>
#include <kj/debug.h>

#include <algorithm>

namespace meridian::rpc {

using capnp::rpc::CapDescriptor;
using capnp::rpc::Message;

namespace {

// Goes to every part of a message once. A reader refuses pointers that lead out of it, go too deep, or lead to the same part so often that
// it would never end; and lists of nothing that claim too much.
void visit(capnp::AnyPointer::Reader pointer) {
  auto visitAll = [](capnp::List<capnp::AnyPointer>::Reader pointers) {
    for (auto each : pointers) visit(each);
  };
  if (pointer.isStruct()) return visitAll(pointer.getAs<capnp::AnyStruct>().getPointerSection());
  if (!pointer.isList()) return;
  auto list = pointer.getAs<capnp::AnyList>();
  if (list.getElementSize() == capnp::ElementSize::POINTER) return visitAll(list.as<capnp::List<capnp::AnyPointer>>());
  if (list.getElementSize() != capnp::ElementSize::INLINE_COMPOSITE) return;
  for (auto row : list.as<capnp::List<capnp::AnyStruct>>()) {
    auto pointers = row.getPointerSection();
    if (pointers.size() == 0) return;   // The others have the same shape.
    visitAll(pointers);
  }
}

void checkForm(capnp::MessageReader& message, const PeerLimits& limits) {
  KJ_IF_MAYBE(why, kj::runCatchingExceptions([&]() { visit(message.getRoot<capnp::AnyPointer>()); })) {
    kj::throwFatalException(overLimit("a malformed message, one with parts more than ", limits.nestingMax,
                                      " deep (nestingMax), or one that is longer to read than it is (EMPTY_ELEMENTS_MAX): ",
                                      why->getDescription()));
  }
}

}  // namespace

void PeerAccount::received(kj::ArrayPtr<const capnp::word> words) {
  capnp::ReaderOptions once;
  // Its form is checked once, and its table of capabilities is gone through once more.
  once.traversalLimitInWords = 2 * words.size() + EMPTY_ELEMENTS_MAX;
  once.nestingLimit = limits_.nestingMax;
  capnp::FlatArrayMessageReader reader(words, once);
  checkForm(reader, limits_);
  auto message = reader.getRoot<Message>();
  size_t bytes = words.asBytes().size();
  switch (message.which()) {
    case Message::CALL: return receivedCall(message.getCall(), bytes);
    case Message::BOOTSTRAP: return ask(message.getBootstrap().getQuestionId(), {Progress::ASKED, bytes, 1, false});
    case Message::FINISH: return finished(message.getFinish().getQuestionId());
    case Message::RESOLVE: return receivedResolve(message.getResolve());
    case Message::RETURN: {
      auto answer = message.getReturn();
      if (!answer.isResults()) return;
      size_t capabilities = answer.getResults().getCapTable().size();
      if (capabilities * CAPABILITY_BYTES <= limits_.questionBytesMax) return;
      kj::throwFatalException(overLimit("an answer with ", capabilities, " capabilities; allowed are ",
                                        limits_.questionBytesMax / CAPABILITY_BYTES, " (questionBytesMax)"));
    }
    default: return;   // The RPC system keeps nothing of the others.
  }
}

void PeerAccount::receivedCall(capnp::rpc::Call::Reader call, size_t bytes) {
  size_t depth = call.getTarget().isPromisedAnswer() ? depthOn(call.getTarget().getPromisedAnswer()) : 0;
  auto capabilities = call.getParams().getCapTable();
  bytes += capabilities.size() * CAPABILITY_BYTES;
  for (auto descriptor : capabilities) {
    if (!descriptor.isReceiverAnswer()) continue;
    auto answer = descriptor.getReceiverAnswer();
    depth = std::max(depth, depthOn(answer));
    standsOn(answer.getQuestionId());
  }
  ask(call.getQuestionId(), {Progress::ASKED, bytes, depth + 1, call.getSendResultsTo().isYourself()});
}

void PeerAccount::ask(uint32_t id, Question question) {
  if (questions_.size() >= limits_.questionsMax) {
    kj::throwFatalException(overLimit("one more question than the ", limits_.questionsMax, " that may be unfinished (questionsMax)"));
  }
  if (questionBytes_ + question.bytes > limits_.questionBytesMax) {
    kj::throwFatalException(overLimit("unfinished questions of ", questionBytes_ + question.bytes, " bytes; allowed are ",
                                      limits_.questionBytesMax, " (questionBytesMax)"));
  }
  if (question.depth > limits_.pipelineMax) {
    kj::throwFatalException(overLimit("a call that stands on a row of ", question.depth - 1, " unfinished ones; allowed are ",
                                      limits_.pipelineMax - 1, " (pipelineMax)"));
  }
  if (question.redirected && redirected_ >= limits_.redirectedMax) {
    kj::throwFatalException(overLimit("one more answer to keep than the ", limits_.redirectedMax, " allowed (redirectedMax)"));
  }
  if (!questions_.emplace(id, question).second) {
    kj::throwFatalException(overLimit("question ", id, " asked twice, and not finished in between"));
  }
  questionBytes_ += question.bytes;
  if (question.redirected) redirected_++;
}

void PeerAccount::finished(uint32_t id) {
  auto question = questions_.find(id);
  if (question == questions_.end()) return;   // The RPC system refuses it.
  if (question->second.progress == Progress::ANSWERED) {
    erase(question);
  } else {
    question->second.progress = Progress::FINISHED;
  }
}

void PeerAccount::answered(capnp::rpc::Return::Reader answer, size_t bytes) {
  auto question = questions_.find(answer.getAnswerId());
  if (question == questions_.end()) return;
  if (question->second.progress == Progress::FINISHED) return erase(question);
  // The call's own bytes are gone now. An answer without capabilities is not kept: nothing can be called on it.
  bool kept = answer.isResults() && answer.getResults().getCapTable().size() > 0;
  questionBytes_ -= question->second.bytes;
  question->second.bytes = kept ? bytes : 0;
  questionBytes_ += question->second.bytes;
  question->second.progress = Progress::ANSWERED;
}

void PeerAccount::erase(std::map<uint32_t, Question>::iterator question) {
  questionBytes_ -= question->second.bytes;
  if (question->second.redirected) redirected_--;
  questions_.erase(question);
}

// A question that is not answered keeps an entry for each capability in its answer that others speak of already.
void PeerAccount::standsOn(uint32_t id) {
  auto question = questions_.find(id);
  if (question == questions_.end() || question->second.progress == Progress::ANSWERED) return;
  question->second.bytes += CAPABILITY_BYTES;
  questionBytes_ += CAPABILITY_BYTES;
}

size_t PeerAccount::depthOn(capnp::rpc::PromisedAnswer::Reader answer) const {
  size_t steps = answer.getTransform().size();
  if (steps > static_cast<size_t>(limits_.nestingMax)) {
    kj::throwFatalException(overLimit("a capability ", steps, " pointers deep in an answer; allowed are ", limits_.nestingMax,
                                      " (nestingMax)"));
  }
  auto question = questions_.find(answer.getQuestionId());
  return question == questions_.end() ? 0 : question->second.depth;
}

void PeerAccount::receivedResolve(capnp::rpc::Resolve::Reader resolve) {
  if (!resolve.isCap() || !resolve.getCap().isSenderPromise()) return;
  bool linked = chains_.link(resolve.getPromiseId(), resolve.getCap().getSenderPromise());
  if (linked && chains_.size() <= PROMISES_IN_CHAINS_MAX) return;
  kj::throwFatalException(overLimit("promises that are resolved to promises, in a circle or a row too long; allowed are rows of ",
                                    limits_.promiseChainMax, ", and ", PROMISES_IN_CHAINS_MAX, " promises in them (promiseChainMax)"));
}

// ---- what this vat sends

kj::Maybe<kj::Exception> PeerAccount::sent(Message::Reader message, size_t bytes) {
  switch (message.which()) {
    case Message::RETURN: {
      auto answer = message.getReturn();
      answered(answer, bytes);
      if (questionBytes_ > limits_.questionBytesMax) {
        return overLimit("unfinished answers of ", questionBytes_, " bytes; allowed are ", limits_.questionBytesMax, " (questionBytesMax)");
      }
      if (answer.isResults()) return exported(answer.getResults());
      return nullptr;
    }
    case Message::CALL:
      if (message.getCall().getQuestionId() >= limits_.callbacksMax) {
        return overLimit("more than ", limits_.callbacksMax, " of our calls left unanswered (callbacksMax)");
      }
      return exported(message.getCall().getParams());
    case Message::RESOLVE:
      if (message.getResolve().isCap()) return exported(message.getResolve().getCap());
      return nullptr;
    case Message::DISEMBARGO: {
      auto context = message.getDisembargo().getContext();
      if (context.isSenderLoopback() && context.getSenderLoopback() >= limits_.embargoesMax) {
        return overLimit("more than ", limits_.embargoesMax, " embargoes not ended (embargoesMax)");
      }
      return nullptr;
    }
    case Message::RELEASE:
      chains_.forget(message.getRelease().getId());
      return nullptr;
    default: return nullptr;
  }
}

kj::Maybe<kj::Exception> PeerAccount::exported(capnp::rpc::Payload::Reader payload) const {
  for (auto descriptor : payload.getCapTable()) {
    auto refused = exported(descriptor);
    if (refused != nullptr) return refused;
  }
  return nullptr;
}

kj::Maybe<kj::Exception> PeerAccount::exported(CapDescriptor::Reader descriptor) const {
  uint32_t id = descriptor.isSenderHosted()    ? descriptor.getSenderHosted()
                : descriptor.isSenderPromise() ? descriptor.getSenderPromise()
                                               : 0;
  if (id < limits_.exportsMax) return nullptr;
  return overLimit("more than ", limits_.exportsMax, " capabilities not released (exportsMax)");
}

}  // namespace meridian::rpc
