// Failure: a verb cannot do what it was asked. Its text becomes the one line on stderr, `meridian: TEXT`.
#pragma once

#include <stdexcept>

namespace meridian::cli {

inline constexpr int STATUS_FAILED = 1;
inline constexpr int STATUS_USAGE = 2;
// `exec` answers with the command's own status, so what went wrong on the way to it has one of its own.
inline constexpr int STATUS_EXEC_FAILED = 125;
// What a shell reports for a program that a signal ended: this and the signal's number.
inline constexpr int STATUS_SIGNALLED = 128;

class Failure final: public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace meridian::cli
