#include "runtime/actor/output-gate.h"

#include <kj/async-inl.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace meridian::actor {

// An LSN that holds during the present event only. KJ runs events that were armed depth-first right after the event
// that armed them, so an event of our own ends the scope.
class OutputGate::EventScope final: public kj::_::Event {
 public:
  void set(Lsn lsn) {
    lsn_ = lsn;
    armDepthFirst();
  }
  std::optional<Lsn> get() const { return lsn_; }

  kj::Maybe<kj::Own<Event>> fire() override {
    lsn_.reset();
    return nullptr;
  }
  void traceEvent(kj::_::TraceBuilder&) override {}

 private:
  std::optional<Lsn> lsn_;
};

OutputGate::OutputGate(env::Store& store)
    : store_(store), durable_(store.durable()), arriving_(kj::heap<EventScope>()),
      replying_(kj::heap<EventScope>()) {}

OutputGate::~OutputGate() noexcept(false) = default;

std::optional<Lsn> OutputGate::dependency() const {
  if (inTurn_) return std::nullopt;
  if (auto lsn = replying_->get()) return lsn;
  return store_.submitted();
}

void OutputGate::attach(GatedOutput& output) { outputs_.push_back(&output); }
void OutputGate::detach(GatedOutput& output) { std::erase(outputs_, &output); }

void OutputGate::arriving(Lsn lsn) { arriving_->set(lsn); }

Lsn OutputGate::arrived() const {
  if (auto lsn = arriving_->get()) return *lsn;
  return store_.submitted();
}

void OutputGate::replying(Lsn lsn) { replying_->set(lsn); }

Lsn OutputGate::delivered() const {
  if (auto lsn = replying_->get()) return *lsn;
  return store_.submitted();
}

void OutputGate::turnBegins() {
  check(!inTurn_, "a turn does not run inside another turn");
  inTurn_ = true;
}

void OutputGate::turnEnds(Lsn observed) {
  inTurn_ = false;
  // What follows in this event knows what the turn knew.
  if (auto lsn = replying_->get()) replying_->set(std::max(*lsn, observed));
  for (auto* output : outputs_) output->turnEnded(observed);
}

void OutputGate::turnRefused(const kj::Exception& reason) {
  // An output may leave while it is told.
  auto outputs = outputs_;
  for (auto* output : outputs) output->turnRefused(reason);
}

void OutputGate::durableIs(Lsn durable) {
  if (durable <= durable_) return;
  durable_ = durable;
  for (auto* output : outputs_) output->durableMoved(durable);
}

void OutputGate::abort(const kj::Exception& reason) {
  // An output may leave while it is told.
  auto outputs = outputs_;
  for (auto* output : outputs) output->aborted(reason);
}

}  // namespace meridian::actor
