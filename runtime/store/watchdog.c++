#include "runtime/store/watchdog.h"

#include <chrono>
#include <utility>

#include "runtime/store/fatal.h"

namespace meridian::store {

namespace {

int64_t monotonicNs() { return Duration(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Watchdog::Watchdog(std::string what, Duration limit)
    : what_(std::move(what)), limit_(limit), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void Watchdog::begin() { begun_ = monotonicNs(); }

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, limit_ / 2, [this] { return stop_; })) {
    int64_t begun = begun_;
    if (begun != IDLE && monotonicNs() - begun > limit_.count()) {
      endProcess(what_ + " has not ended for " + std::to_string(toMs(limit_)) + " ms");
    }
  }
}

}  // namespace meridian::store
