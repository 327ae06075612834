// The standard input of `exec`, sent on as it comes.
#pragma once

#include <kj/async-io.h>

#include "schema/common.capnp.h"

namespace meridian::cli {

// Sends what comes from `fd` to the sink and ends the sink at the end of the input. A thread of its own reads the
// descriptor, for it may be a file, which no loop can wait for, or a terminal or pipe that others share and that must not
// become non-blocking. The thread ends with the input or with the process.
kj::Promise<void> pumpInput(kj::LowLevelAsyncIoProvider& provider, int fd,
                            schema::ByteSink::Client sink);

}  // namespace meridian::cli
