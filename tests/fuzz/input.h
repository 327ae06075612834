// Input: what the fuzzer gave, taken piece by piece from its front; zeros when it is used up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace meridian::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size): rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }

  uint8_t byte() {
    auto taken = bytes(1);
    return taken.empty() ? 0 : static_cast<uint8_t>(taken[0]);
  }
  // Below `end`.
  uint8_t below(uint8_t end) { return byte() % end; }

  // At most this many; they are where the fuzzer put them.
  std::string_view bytes(size_t count) {
    auto taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // A piece that tells its own length, in two bytes.
  std::string_view piece() {
    size_t low = byte();
    return bytes(low | size_t(byte()) << 8);
  }

  std::string_view rest() { return bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

// What must hold, whatever comes; when it does not, the fuzzer keeps the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

}  // namespace meridian::fuzz
