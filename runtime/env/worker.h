// Worker: where work goes that would hold up a loop: unpacking, mounting, waiting for the kernel. A
// job runs on another thread, so it captures plain values (never KJ promises, capabilities or Own)
// and touches nothing of the loop's.
#pragma once

#include <kj/async.h>
#include <kj/debug.h>
#include <kj/function.h>

#include <memory>
#include <optional>

namespace meridian::env {

enum class Urgency {
  SOON,        // somebody waits for it
  BACKGROUND,  // after everything that is urgent
};

class Worker {
 public:
  // Resolves on the calling loop when the job has run; rejected with what it threw. Dropping the
  // promise does not stop the job.
  virtual kj::Promise<void> run(Urgency urgency, kj::Function<void()> job) = 0;

  // The same for a job with a result.
  template <typename Job>
  auto call(Urgency urgency, Job&& job) -> kj::Promise<decltype(job())> {
    using Result = decltype(job());
    auto slot = std::make_shared<std::optional<Result>>();
    return run(urgency, [slot, job = kj::fwd<Job>(job)]() mutable { slot->emplace(job()); })
        .then([slot]() -> Result { return kj::mv(slot->value()); });
  }

 protected:
  ~Worker() = default;
};

}  // namespace meridian::env
