// The contract of env::Store as a suite: each clause a named function that drives stores made by a StoreBed. LMDB's store and
// the simulated one run the same clauses.
#pragma once

#include <kj/memory.h>

#include <functional>
#include <string>
#include <vector>

#include "runtime/env/store.h"

namespace meridian::store {

// Where one store lies, for the length of one clause. The clause closes a store (drops it) before it opens the next.
class StoreBed {
 public:
  virtual ~StoreBed() noexcept(false) = default;

  virtual kj::Own<env::Store> open() = 0;

  // Flushes, and returns once all that was submitted is durable or aborted.
  virtual void settle(env::Store& store) = 0;

  // Whether crash() can be done here: lose what is not durable, and the store with it.
  virtual bool canCrash() const = 0;
  virtual void crash(kj::Own<env::Store> store) = 0;

  // Another owner opens the store while this one has it, and goes away again.
  virtual void depose() = 0;

  // A write set whose batch fails for lack of space. It is the next to be submitted.
  virtual env::WriteSet doomed(env::Epoch epoch) = 0;

  // Damages the stored value of a key. The store is closed.
  virtual void damage(const std::string& key) = 0;
};

struct Clause {
  std::string name;
  std::function<void(StoreBed&)> check;
};

const std::vector<Clause>& storeContract();

}  // namespace meridian::store
