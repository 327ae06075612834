// What a child of the shim tells it while it becomes a container: packets over a socket pair whose end at the program is
// closed by execve, so that the end of the stream is an answer too. The shim sends one byte the other way, "go on", once the child's
// cgroup is there.
//
// All of it runs in a copy of the shim's memory after clone: it allocates nothing and never returns on failure.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace meridian::shim {

struct ChildReport {
  enum Kind : uint32_t {
    SETUP_FAILED,  // value: errno
    EXEC_FAILED,   // value: errno
    CLONED,        // only of an exec; value: the program's pid; it waits for another "go on"
    RUNNING,       // only of an instance: its program has exec'd
    EXITED,        // only of an instance; value: wait status of its program
  };
  Kind kind;
  int32_t value;
  char step[120];  // of the failures; ends with a zero
};

class Reporter {
 public:
  explicit Reporter(int socket): socket_(socket) {}

  void send(ChildReport::Kind kind, int32_t value, const char* step = "");

  // Blocks until the shim says "go on"; ends the process if the shim is gone.
  void awaitGo();

  // A system call that must succeed, or the container cannot be; `step` says what for.
  long need(long result, const char* step) {
    if (result < 0) fail(step);
    return result;
  }
  [[noreturn]] void fail(const char* step);

  // Whether a failure was sent, also by a vfork child, which shares this memory.
  bool failed() const { return failed_; }

  int socket() const { return socket_; }

 private:
  int socket_;
  bool failed_ = false;
};

}  // namespace meridian::shim
