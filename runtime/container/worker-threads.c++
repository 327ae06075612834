#include "runtime/container/worker-threads.h"

#include <kj/debug.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace meridian::container {

namespace {

kj::AutoCloseFd makeEvent() {
  int fd;
  KJ_SYSCALL(fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return kj::AutoCloseFd(fd);
}

}  // namespace

WorkerThreads::WorkerThreads(kj::UnixEventPort& port, size_t threads)
    : completedEvent_(makeEvent()),
      observer_(port, completedEvent_, kj::UnixEventPort::FdObserver::OBSERVE_READ),
      completing_(complete().eagerlyEvaluate(
          [](kj::Exception&& error) { KJ_LOG(FATAL, "completions lost", error); })) {
  for (size_t i = 0; i < threads; i++) threads_.emplace_back([this] { work(); });
}

WorkerThreads::~WorkerThreads() noexcept(false) {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread: threads_) thread.join();
  for (auto& [id, fulfiller]: waiting_) {
    fulfiller->reject(
        KJ_EXCEPTION(DISCONNECTED, "the worker threads have ended before the job ran"));
  }
}

kj::Promise<void> WorkerThreads::run(env::Urgency urgency, kj::Function<void()> job) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  auto id = ++lastId_;
  waiting_.emplace(id, kj::mv(paf.fulfiller));
  {
    std::lock_guard lock(mutex_);
    auto& queue = urgency == env::Urgency::SOON ? urgent_ : background_;
    queue.push_back({id, kj::mv(job)});
  }
  wake_.notify_one();
  return kj::mv(paf.promise);
}

void WorkerThreads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !urgent_.empty() || !background_.empty(); });
    if (stopping_) return;
    auto& queue = urgent_.empty() ? background_ : urgent_;
    kj::Maybe<Job> job = kj::mv(queue.front());
    queue.pop_front();
    lock.unlock();
    Completion completion{KJ_ASSERT_NONNULL(job).id, nullptr};
    completion.error = kj::runCatchingExceptions([&job] { KJ_ASSERT_NONNULL(job).run(); });
    job = nullptr;  // what it captured goes before anybody learns that it has ended
    lock.lock();
    completed_.push_back(kj::mv(completion));
    uint64_t one = 1;
    KJ_SYSCALL(write(completedEvent_, &one, sizeof(one)));
  }
}

kj::Promise<void> WorkerThreads::complete() {
  return observer_.whenBecomesReadable().then([this] {
    uint64_t count;
    std::vector<Completion> completed;
    {
      std::lock_guard lock(mutex_);
      KJ_NONBLOCKING_SYSCALL(read(completedEvent_, &count, sizeof(count)));
      completed.swap(completed_);
    }
    for (auto& completion: completed) {
      auto fulfiller = kj::mv(waiting_.at(completion.id));
      waiting_.erase(completion.id);
      KJ_IF_MAYBE(error, completion.error) {
        fulfiller->reject(kj::mv(*error));
      } else {
        fulfiller->fulfill();
      }
    }
    return complete();
  });
}

}  // namespace meridian::container
