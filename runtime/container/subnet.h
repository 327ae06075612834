// Subnet: the addresses of one platform's instances on one machine, a /16 out of 10.0.0.0/8: the
// platform's own end of the bridge is .0.1, instances have the rest. Pure; addresses are IPv4 in
// host byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace meridian::container {

struct Ipv4Range {
  uint32_t base;
  int prefix;  // bits
};

bool overlap(const Ipv4Range& left, const Ipv4Range& right);

class Subnet {
 public:
  static constexpr int PREFIX = 16;
  static constexpr uint32_t FIRST_INSTANCE = 2;
  static constexpr uint32_t LAST_INSTANCE = 0xfffe;

  explicit Subnet(uint32_t base): base_(base & 0xffff0000) {}

  // One that overlaps no route, the search begins at a place that `seed` says; nothing when all 256
  // are taken. Default routes do not count.
  static std::optional<Subnet> choose(uint64_t seed, const std::vector<Ipv4Range>& routes);

  uint32_t gateway() const { return base_ + 1; }
  uint32_t address(uint32_t index) const { return base_ + index; }

  // The index of an instance's address; nothing for addresses of others.
  std::optional<uint32_t> indexOf(uint32_t address) const;

 private:
  uint32_t base_;
};

std::string addressText(uint32_t address);
std::optional<uint32_t> parseAddress(const std::string& text);

// Gives out indices of a subnet, each as late as possible after its last use, so that a peer's
// memory of the former owner (connections in TIME_WAIT) has faded.
class AddressAllocator {
 public:
  explicit AddressAllocator(size_t limit): limit_(limit) {}

  // Nothing when `limit` indices are in use.
  std::optional<uint32_t> allocate();
  void reserve(uint32_t index) { used_.insert(index); }
  void free(uint32_t index) { used_.erase(index); }
  bool inUse(uint32_t index) const { return used_.contains(index); }
  size_t count() const { return used_.size(); }

 private:
  size_t limit_;
  uint32_t next_ = Subnet::FIRST_INSTANCE;
  std::set<uint32_t> used_;
};

}  // namespace meridian::container
