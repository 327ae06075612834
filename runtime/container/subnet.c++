#include "runtime/container/subnet.h"

#include <arpa/inet.h>

#include <algorithm>

namespace meridian::container {

namespace {

constexpr uint32_t TEN = 10u << 24;
constexpr uint32_t SUBNETS = 256;

uint32_t maskOf(int prefix) { return prefix == 0 ? 0 : ~0u << (32 - prefix); }

}  // namespace

bool overlap(const Ipv4Range& left, const Ipv4Range& right) {
  auto mask = maskOf(std::min(left.prefix, right.prefix));
  return (left.base & mask) == (right.base & mask);
}

std::optional<Subnet> Subnet::choose(uint64_t seed, const std::vector<Ipv4Range>& routes) {
  for (uint32_t attempt = 0; attempt < SUBNETS; attempt++) {
    Ipv4Range candidate{TEN + static_cast<uint32_t>((seed + attempt) % SUBNETS << 16), PREFIX};
    bool taken = std::any_of(routes.begin(), routes.end(), [&](const Ipv4Range& route) {
      return route.prefix > 0 && overlap(route, candidate);
    });
    if (!taken) return Subnet(candidate.base);
  }
  return std::nullopt;
}

std::optional<uint32_t> Subnet::indexOf(uint32_t address) const {
  auto index = address - base_;
  if (address < base_ || index < FIRST_INSTANCE || index > LAST_INSTANCE) return std::nullopt;
  return index;
}

std::string addressText(uint32_t address) {
  in_addr bytes{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &bytes, text, sizeof(text));
}

std::optional<uint32_t> parseAddress(const std::string& text) {
  in_addr bytes;
  if (inet_pton(AF_INET, text.c_str(), &bytes) != 1) return std::nullopt;
  return ntohl(bytes.s_addr);
}

std::optional<uint32_t> AddressAllocator::allocate() {
  if (used_.size() >= limit_) return std::nullopt;
  for (;;) {
    auto index = next_;
    next_ = index == Subnet::LAST_INSTANCE ? Subnet::FIRST_INSTANCE : index + 1;
    if (used_.insert(index).second) return index;
  }
}

}  // namespace meridian::container
