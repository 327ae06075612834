// PromiseChains: which of a peer's promises it has resolved to another of its promises. A call walks such a chain by recursion, so it must
// be short, and no circle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace meridian::rpc {

class PromiseChains {
 public:
  explicit PromiseChains(size_t lengthMax): lengthMax_(lengthMax) {}

  // The promise stands for the other one from now on. False when that closes a circle or makes a chain too long.
  bool link(uint32_t promise, uint32_t next);

  // The number means another object when it comes again. What stands for the old object goes on to count.
  void forget(uint32_t promise) { promises_.erase(promise); }

  size_t size() const { return promises_.size(); }

 private:
  struct Promise {
    size_t behind = 0;                // of the longest chain that ends in it
    std::optional<uint32_t> next;
  };

  size_t lengthMax_;
  std::map<uint32_t, Promise> promises_;
};

}  // namespace meridian::rpc
