// ProgramImage: what execve needs, laid out before the clone so that the child only makes system calls; and the last steps
// on the way there, the same for PID 1's program and for an exec'd one: own session, standard streams, no other descriptor,
// limits, identity, capabilities, signals.
#pragma once

#include <string>
#include <vector>

#include "runtime/container/shim/child-report.h"
#include "runtime/container/shim/packet.h"

namespace meridian::shim {

class ProgramImage {
 public:
  // The program is copied. argv[0] without a slash is searched in the PATH of `env` when it is run.
  explicit ProgramImage(Program program);
  KJ_DISALLOW_COPY(ProgramImage);

  const Program& program() const { return program_; }

  // Makes the folder if the image has none, and goes there.
  void enterWorkdir(Reporter& reporter) const;

  // Becomes the program. Returns only if no execve succeeded, with errno set; failures on the way are reported and end
  // the process.
  void run(const int (&stdio)[3], Reporter& reporter) const;

 private:
  Program program_;
  std::vector<std::string> candidates_;  // paths to try
  std::vector<char*> argv_;
  std::vector<char*> env_;

  void dropPrivileges(Reporter& reporter) const;
};

}  // namespace meridian::shim
