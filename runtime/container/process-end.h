// The end of a process that is no child of this one: the shim, or a platform that was told to go.
#pragma once

#include <kj/async-unix.h>
#include <sys/types.h>

namespace meridian::container {

// Resolves when the process has ended; at once when there is none, or when it is this one (a shim
// within a test), which would wait for ever.
kj::Promise<void> whenProcessEnds(kj::UnixEventPort& port, pid_t pid);

}  // namespace meridian::container
