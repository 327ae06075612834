#include "sim/command/progress.h"

#include <unistd.h>

#include "runtime/cli/output.h"

namespace meridian::sim {

namespace {

constexpr Duration EVERY_WITHOUT_TERMINAL = std::chrono::seconds(30);
constexpr const char* CLEAR_LINE = "\r\033[K";

}  // namespace

Progress::Progress(uint64_t seeds): seeds_(seeds), terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::show(const SwarmReport& report) {
  if (!terminal_ && report.wall - shown_ < EVERY_WITHOUT_TERMINAL) return;
  shown_ = report.wall;
  auto text = "  " + std::to_string(report.seeds) + " of " + std::to_string(seeds_) + " seeds";
  if (!report.failures.empty()) text += ", " + std::to_string(report.failures.size()) + " failed";
  cli::writeAll(STDERR_FILENO, terminal_ ? CLEAR_LINE + text : text + "\n");
}

void Progress::end() {
  if (terminal_) cli::writeAll(STDERR_FILENO, CLEAR_LINE);
}

}  // namespace meridian::sim
