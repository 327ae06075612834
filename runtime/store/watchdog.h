// Watchdog: ends the process when one thing that a thread does takes too long. It has a thread of its own that looks twice in
// each limit, so that begin() and end() are two stores and nobody is woken; it barks after one to one and a half limits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/base/units.h"

namespace meridian::store {

class Watchdog {
 public:
  // `what`: for the line that is written at the end.
  Watchdog(std::string what, Duration limit);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void begin();
  void end() { begun_ = IDLE; }

 private:
  static constexpr int64_t IDLE = 0;

  void watch();

  const std::string what_;
  const Duration limit_;
  std::atomic<int64_t> begun_{IDLE};  // monotonic ns
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace meridian::store
