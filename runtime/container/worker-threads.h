// WorkerThreads: the Worker of the machine's side: a few threads that take jobs from two queues,
// urgent ones first. Completions come back through an eventfd that the loop watches like any
// descriptor (a kj::Executor is not served by loops that turn their own port). Used on the loop's
// thread; destroyed there: jobs that run are waited for, jobs that wait are dropped and their
// promises rejected.
#pragma once

#include <kj/async-unix.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/env/worker.h"

namespace meridian::container {

class WorkerThreads final: public env::Worker {
 public:
  WorkerThreads(kj::UnixEventPort& port, size_t threads);
  ~WorkerThreads() noexcept(false);

  kj::Promise<void> run(env::Urgency urgency, kj::Function<void()> job) override;

 private:
  struct Job {
    uint64_t id;
    kj::Function<void()> run;
  };
  struct Completion {
    uint64_t id;
    kj::Maybe<kj::Exception> error;
  };

  void work();
  kj::Promise<void> complete();

  std::mutex mutex_;  // guards the four below
  std::condition_variable wake_;
  std::deque<Job> urgent_, background_;
  std::vector<Completion> completed_;
  bool stopping_ = false;

  uint64_t lastId_ = 0;
  std::map<uint64_t, kj::Own<kj::PromiseFulfiller<void>>> waiting_;
  kj::AutoCloseFd completedEvent_;
  kj::UnixEventPort::FdObserver observer_;
  std::vector<std::thread> threads_;
  kj::Promise<void> completing_;
};

}  // namespace meridian::container
