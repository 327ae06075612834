#include "runtime/container/shim/exit-record.h"

#include <sys/wait.h>

namespace meridian::shim {

Ending endingOf(int waitStatus) {
  if (WIFSIGNALED(waitStatus)) return {.signal = WTERMSIG(waitStatus)};
  return {.code = WEXITSTATUS(waitStatus)};
}

}  // namespace meridian::shim
