// The three ways through a state: one that collects the generations and rounds that are in it, one that writes it and one that reads
// it back. All three see the same fields in the same order, so that what is written is what is read.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/check.h"
#include "sim/explore/id/codec.h"

namespace meridian::explore::id {

inline constexpr int64_t LONG_AGO = -2;          // in ticks; older is alike, since no limit is above one tick

// Values that keep only their order: each becomes its place among them. Few enough to be looked through.
class Ranks {
 public:
  void add(uint64_t value) {
    size_t at = count_;
    while (at > 0 && values_[at - 1] >= value) --at;
    if (at < count_ && values_[at] == value) return;
    check(count_ < values_.size(), "a state has few generations, and few lists under way");
    std::copy_backward(values_.begin() + at, values_.begin() + count_, values_.begin() + count_ + 1);
    values_[at] = value;
    ++count_;
  }

  // The place of the highest that is not above `value`; 0 is always the first.
  uint8_t of(uint64_t value) const {
    size_t at = count_;
    while (at > 1 && values_[at - 1] > value) --at;
    return static_cast<uint8_t>(at - 1);
  }

 private:
  std::array<uint64_t, 32> values_{};
  size_t count_ = 1;
};

struct AllRanks {
  Ranks generations;
  std::array<Ranks, MACHINES> rounds;
};

class Collector {
 public:
  static constexpr bool READS = false;

  explicit Collector(AllRanks& ranks): ranks_(ranks) {}

  template <typename T>
  void number(const T&) {}
  void instant(Instant) {}
  void token(CallToken) {}
  void generation(Generation generation) { ranks_.generations.add(generation.value()); }
  // Only compared with generations: it need not be told from the next lower one of those.
  void bound(Generation) {}
  void round(uint8_t machine, uint64_t round) { ranks_.rounds[machine].add(round); }

 private:
  AllRanks& ranks_;
};

class Writer {
 public:
  static constexpr bool READS = false;

  Writer(const AllRanks& ranks, Instant now, Numbers numbers): ranks_(ranks), now_(now), numbers_(numbers) {}

  template <typename T>
  void number(const T& value) {
    auto wide = static_cast<int64_t>(value);
    check(wide >= -128 && wide < 256 && size_ < bytes_.size(), "a state fits its bytes");
    bytes_[size_++] = static_cast<char>(wide);
  }

  void instant(Instant at) {
    auto ticks = std::max((at - now_) / TICK, LONG_AGO);
    check(ticks == LONG_AGO || now_ + ticks * TICK == at, "a moment is at a tick");
    number(ticks);
  }

  void token(CallToken token) { tokens.push_back(token); }
  void generation(Generation generation) { bound(generation); }

  void bound(Generation generation) {
    number(numbers_ == Numbers::KEPT ? generation.value() : ranks_.generations.of(generation.value()));
  }

  void round(uint8_t machine, uint64_t round) { number(ranks_.rounds[machine].of(round)); }

  size_t size() const { return size_; }
  std::string_view bytesFrom(size_t from) const { return {bytes_.data() + from, size_ - from}; }

  std::vector<CallToken> tokens;       // in the order in which they were met

 private:
  std::array<char, 4096> bytes_;
  size_t size_ = 0;
  const AllRanks& ranks_;
  Instant now_;
  Numbers numbers_;
};

class Reader {
 public:
  static constexpr bool READS = true;

  explicit Reader(std::string_view bytes): bytes_(bytes) {}

  template <typename T>
  void number(T& value) {
    value = static_cast<T>(take());
  }

  void instant(Instant& at) { at = NOW + static_cast<int8_t>(take()) * TICK; }
  void token(CallToken& token) { token = CallToken(++tokens); }
  void generation(Generation& generation) { generation = Generation(take()); }
  void bound(Generation& generation) { generation = Generation(take()); }
  void round(uint8_t, uint64_t& round) { round = take(); }

  bool isAtEnd() const { return bytes_.empty(); }

  uint64_t tokens = 0;

 private:
  uint8_t take() {
    check(!bytes_.empty(), "a state's bytes are whole");
    auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

  std::string_view bytes_;
};

}  // namespace meridian::explore::id
