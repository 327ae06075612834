// Units as types: moments and durations, CPU, memory, disk. Sums are checked where they could overflow.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/base/strong.h"

namespace meridian {

// The clock that Instants belong to. It has no now(): the time is an argument, it comes from runtime/env/clock.h.
struct WallClock {
  using rep = int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};

// A moment of wall-clock time, in nanoseconds since the Unix epoch.
using Instant = WallClock::time_point;
using Duration = std::chrono::nanoseconds;

inline constexpr Instant instantFromNs(int64_t ns) { return Instant(Duration(ns)); }
inline constexpr int64_t toNs(Instant instant) { return instant.time_since_epoch().count(); }
inline constexpr int64_t toMs(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// Millionths of one vCPU: 62,500 is 1/16 vCPU.
using MicroCpu = Strong<struct MicroCpuTag, uint64_t>;
using MemoryMib = Strong<struct MemoryMibTag, uint64_t>;
// Megabytes of 10^6 bytes, as disks are sold.
using DiskMb = Strong<struct DiskMbTag, uint64_t>;

// What an instance takes and a machine has. Arithmetic is component-wise.
struct Resources {
  MicroCpu cpu;
  MemoryMib memory;
  DiskMb disk;

  friend bool operator==(const Resources&, const Resources&) = default;
};

Resources operator+(const Resources& left, const Resources& right);

// Saturating: a component never goes below zero.
Resources operator-(const Resources& left, const Resources& right);

// Whether each component of `need` is at most that of `have`.
bool fits(const Resources& need, const Resources& have);

}  // namespace meridian
