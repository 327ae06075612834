#include "runtime/actor/shard-thread.h"

#include <kj/debug.h>

namespace meridian::actor {

ShardLoop::ShardLoop(ActorSystem& system)
    : io_(kj::setupAsyncIo()), shard_(system.caf(), nullptr), waker_(io_.unixEventPort, shard_),
      clock_(io_.provider->getTimer()) {}

ShardThread::ShardThread(ActorSystem& system, kj::Function<kj::Own<void>(ShardLoop&)> build): build_(kj::mv(build)) {
  auto started = started_.get_future();
  thread_ = kj::heap<kj::Thread>([this, &system]() { run(system); });
  shard_ = started.get();
  door_ = shard_->door();
}

ShardThread::~ShardThread() noexcept(false) { stop(); }

void ShardThread::stop() {
  if (thread_ == nullptr) return;
  // Not by the shard itself: something that threw on the thread may have ended it.
  if (door_ != nullptr) door_->post([this]() { stopFulfiller_->fulfill(); });
  thread_ = nullptr;   // joins
}

void ShardThread::run(ActorSystem& system) {
  KJ_IF_MAYBE(error, kj::runCatchingExceptions([&]() {
    ShardLoop loop(system);
    auto paf = kj::newPromiseAndFulfiller<void>();
    stopFulfiller_ = kj::mv(paf.fulfiller);
    auto built = build_(loop);
    started_.set_value(&loop.shard());
    paf.promise.wait(loop.io().waitScope);
    built = nullptr;
  })) {
    if (shard_ != nullptr) kj::throwFatalException(kj::mv(*error));
    started_.set_exception(std::make_exception_ptr(kj::mv(*error)));
  }
}

}  // namespace meridian::actor
