// OperatorSocket: the Unix socket in the state folder where the verbs, and RPC clients on this machine, reach the fleet. Only its
// owner may connect (0600).
//
// Thread: the vat's shard's. The vat and the network outlive it.
#pragma once

#include <kj/async-io.h>

#include <string>

#include "runtime/rpc/vat.h"

namespace meridian::platform {

class OperatorSocket final: private kj::TaskSet::ErrorHandler {
 public:
  // Throws when the socket cannot be bound. A socket file that a dead platform left is replaced: the state folder's lock is ours.
  OperatorSocket(kj::LowLevelAsyncIoProvider& lowLevel, rpc::Vat& vat, const std::string& path,
                 capnp::Capability::Client bootstrap);
  ~OperatorSocket() noexcept(false);

 private:
  kj::Promise<void> acceptForever();
  void taskFailed(kj::Exception&& exception) override;

  rpc::Vat& vat_;
  std::string path_;
  capnp::Capability::Client bootstrap_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::TaskSet tasks_;
};

}  // namespace meridian::platform
