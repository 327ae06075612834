// An exec'd process as the capability `Process`: its streams are pipes whose far ends the shim got,
// pumped to and from ByteSinks with flow control in both directions. Dropping the capability before
// the process has ended kills it.
#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/io.h>

#include "schema/container.capnp.h"

namespace meridian::container {

struct ExecExit {
  int32_t code = -1;
  int32_t signal = -1;
};

// The three pipes of one process: ours as streams, the process's as descriptors for the shim.
struct ExecPipes {
  explicit ExecPipes(kj::LowLevelAsyncIoProvider& io);

  kj::Own<kj::AsyncOutputStream> input;
  kj::Own<kj::AsyncInputStream> output, errors;
  kj::AutoCloseFd theirs[3];
};

// `exited` resolves when the process has ended, `signal` sends it one. What descendants of the
// process still write after its end is waited for DRAIN_MAX long.
schema::Process::Client serveExec(ExecPipes pipes, schema::ByteSink::Client output,
                                  schema::ByteSink::Client errors, kj::Promise<ExecExit> exited,
                                  kj::Function<kj::Promise<void>(int)> signal, kj::Timer& timer);

}  // namespace meridian::container
