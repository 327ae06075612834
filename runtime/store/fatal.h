// What a store does when it cannot know any more what is on disk: after a failed or hanging sync only a restart can find out.
#pragma once

#include <string_view>

namespace meridian::store {

inline constexpr int EXIT_DISK_FAILED = 70;   // sysexits' EX_SOFTWARE

// Writes one line to stderr and ends the process at once: nothing more may leave it.
[[noreturn]] void endProcess(std::string_view why);

}  // namespace meridian::store
