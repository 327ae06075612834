// The log files of an ID: what its instances wrote to stdout and stderr, over all generations. The shim writes them, the
// driver reads them, so both halves of the format are here.
//
// In the log folder of an ID lie `log` (being written) and `log.1` (the one before, dropped at the next rotation). Both
// are text, one entry a line:
//
//     1764000000123456789 o 7 listening on 8080
//     |                   | | the bytes written, up to a newline
//     |                   | generation
//     |                   `o` for stdout, `e` for stderr
//     nanoseconds since the Unix epoch when the shim read the entry's first byte
//
// An entry ends at the program's own newline, at LOG_TEXT_MAX bytes, or at the end of its stream: a longer line becomes
// several entries. The bytes are the program's and may be anything but a newline. A file may begin or end inside an entry
// after a crash of the machine: such a line does not parse, and readers skip it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/names.h"
#include "runtime/base/units.h"

namespace meridian::container {

inline constexpr const char* LOG_FILE = "log";
inline constexpr const char* LOG_FILE_OLDER = "log.1";
inline constexpr size_t LOG_TEXT_MAX = 16 * 1024;  // bytes of one entry's text
inline constexpr size_t LOG_LINE_MAX = LOG_TEXT_MAX + 64;  // with the fields before it and the newline

enum class LogStream { OUT, ERR };

struct LogEntry {
  Instant at;
  LogStream stream;
  Generation generation;
  std::string_view text;  // no newline; borrowed

  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

// Appends the entry's line with its newline. The text must fit LOG_TEXT_MAX and hold no newline (checked).
void appendLogEntry(std::string& out, const LogEntry& entry);

// One line without its newline; the result borrows from it. Nothing if it is not an entry.
std::optional<LogEntry> parseLogEntry(std::string_view line);

}  // namespace meridian::container
