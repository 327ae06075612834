#include "runtime/platform/spare-memory.h"

#include <malloc.h>

#include <algorithm>

namespace meridian::platform {

namespace {

constexpr Duration PAUSE_MIN = std::chrono::seconds(1);
constexpr int PAUSE_PER_WORK = 100;
constexpr size_t SPARE_MAX = 1 << 20;   // bytes that may stay free: less is not worth the page faults of taking them again

}  // namespace

SpareMemory::SpareMemory(env::Clock& clock): clock_(clock), watching_(watch(PAUSE_MIN).eagerlyEvaluate(nullptr)) {}

kj::Promise<void> SpareMemory::watch(Duration pause) {
  return clock_.after(pause).then([this]() {
    auto begin = clock_.monotonic();
    if (mallinfo2().fordblks > SPARE_MAX) malloc_trim(0);
    return watch(std::max(PAUSE_MIN, (clock_.monotonic() - begin) * PAUSE_PER_WORK));
  });
}

}  // namespace meridian::platform
