// Clients of the killed server, over plain two-party Cap'n Proto.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <string>

#include "runtime/base/random.h"
#include "tests/integration/server-kill/books.h"

namespace meridian::killed {

// So many acknowledged calls of all clients together.
class Goal {
 public:
  explicit Goal(uint64_t wanted): wanted_(wanted) {}

  void acknowledged() {
    if (++count_ == wanted_) reached_.set_value();
  }
  bool isReachedWithin(std::chrono::seconds limit) {
    return wanted_ == 0 || reached_.get_future().wait_for(limit) == std::future_status::ready;
  }

 private:
  const uint64_t wanted_;
  std::atomic<uint64_t> count_{0};
  std::promise<void> reached_;
};

// Calls counters and banks, several at a time, until the server is gone; for a thread of its own.
Books callUntilGone(const std::string& socket, Random random, Goal& goal);

// Judges the server's values by the books and closes these at the present values. Throws what is wrong.
void audit(const std::string& socket, Books& books);

}  // namespace meridian::killed
