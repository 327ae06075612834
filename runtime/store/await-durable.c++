#include "runtime/store/await-durable.h"

#include <condition_variable>
#include <mutex>

namespace meridian::store {

namespace {

class Waiter final: public env::StoreListener {
 public:
  explicit Waiter(env::Store& store): store_(store) { store.addListener(*this); }
  ~Waiter() { store_.removeListener(*this); }

  void wait(Lsn lsn) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return store_.durable() >= lsn; });
  }

  void storeMoved() override {
    // Taken, so that no wake-up falls between the waiter's look and its sleep.
    { std::lock_guard lock(mutex_); }
    moved_.notify_all();
  }

 private:
  env::Store& store_;
  std::mutex mutex_;
  std::condition_variable moved_;
};

}  // namespace

void awaitDurable(env::Store& store, Lsn lsn) {
  if (store.durable() >= lsn) return;
  Waiter(store).wait(lsn);
}

}  // namespace meridian::store
