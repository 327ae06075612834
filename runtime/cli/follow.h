// How `logs` and `events` wait for what the platform writes to them: until the end of the stored part, or with -f until
// Ctrl-C, which ends the process by its signal (the shell's status 130): the lost connection drops the handle.
#pragma once

#include "runtime/cli/fleet-client.h"
#include "runtime/cli/output.h"

namespace meridian::cli {

// `call` is the call that was given a sink on `output`; its response holds the handle that keeps the stream going.
template <typename Response>
void waitForEnd(FleetClient& client, capnp::RemotePromise<Response> call, OutputStream& output) {
  auto refused = call.then([](capnp::Response<Response> response) {
    return kj::Promise<void>(kj::NEVER_DONE).attach(kj::mv(response));
  });
  output.ended()
      .exclusiveJoin(output.failed())
      .exclusiveJoin(kj::mv(refused))
      .exclusiveJoin(client.lost())
      .wait(client.waitScope());
  output.finish();
}

}  // namespace meridian::cli
