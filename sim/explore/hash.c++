#include "sim/explore/hash.h"

#include <cstring>

namespace meridian::explore {

namespace {

// The fractional parts of the square roots of 2, 3, 5 and 7, made odd.
constexpr uint64_t ROOTS[] = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1};

// Both halves of the 128-bit product: each bit of both factors reaches the middle, and the fold brings it everywhere.
uint64_t mix(uint64_t left, uint64_t right) {
  auto product = static_cast<unsigned __int128>(left) * right;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

// Two lanes over the same words, each with keys of its own and each step of one fed by what the other was.
Hash hashOf(std::string_view bytes) {
  uint64_t high = ROOTS[0] ^ bytes.size();
  uint64_t low = ROOTS[1] + bytes.size();
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
    auto before = high;
    high = mix(high ^ word, ROOTS[2]) + low;
    low = mix(low + word, ROOTS[3]) ^ (before << 32 | before >> 32);
  }
  return {mix(high ^ ROOTS[3], low ^ ROOTS[0]), mix(low ^ ROOTS[1], high ^ ROOTS[2]) + high};
}

}  // namespace meridian::explore
