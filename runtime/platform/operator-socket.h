// OperatorSocket: the Unix socket in the state folder where the verbs, and RPC clients on this machine, reach the fleet. Only its
// owner may connect (0600); what each connection may cost is limited all the same (PeerLimits of strangers).
//
// Thread: the vat's shard's. The vat, the clock and the network outlive it.
#pragma once

#include <kj/async-io.h>

#include <memory>
#include <string>

#include "runtime/rpc/vat.h"

namespace meridian::platform {

class OperatorSocket final: private kj::TaskSet::ErrorHandler {
 public:
  // Throws when the socket cannot be bound. A socket file that a dead platform left is replaced: the state folder's lock is ours.
  OperatorSocket(kj::LowLevelAsyncIoProvider& lowLevel, rpc::Vat& vat, env::Clock& clock, const std::string& path,
                 capnp::Capability::Client bootstrap);
  ~OperatorSocket() noexcept(false);

 private:
  static constexpr size_t CONNECTIONS_MAX = 512;   // one more is closed at once
  static constexpr Duration ACCEPT_BACKOFF = std::chrono::milliseconds(100);

  kj::Promise<void> acceptForever();
  void serve(kj::Own<kj::AsyncIoStream> stream);
  void taskFailed(kj::Exception&& exception) override;

  rpc::Vat& vat_;
  env::Clock& clock_;
  std::string path_;
  capnp::Capability::Client bootstrap_;
  // The vat may keep connections longer than this object lives.
  struct Open {
    size_t connections = 0;
    bool fullReported = false;   // since one last ended
  };
  std::shared_ptr<Open> open_ = std::make_shared<Open>();
  uint64_t lastNumber_ = 0;      // of a connection
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::TaskSet tasks_;
};

}  // namespace meridian::platform
