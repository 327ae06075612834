// ShimClient: the platform's end of the shim's socket (schema/shim.capnp). Each request is a packet
// with an id and gets its answer; facts go to a callback. When the shim or the connection ends, all
// that waits is rejected DISCONNECTED and so is every later call: make a new client, and ask it for
// what was missed (`list`, `exits`). Used on one loop.
#pragma once

#include <capnp/serialize.h>
#include <kj/async-unix.h>
#include <kj/function.h>
#include <kj/vector.h>

#include <deque>
#include <map>
#include <string>

#include "schema/shim.capnp.h"

namespace meridian::container {

inline constexpr size_t SHIM_PACKET_MAX = 64 << 10;  // bytes, the protocol's
inline constexpr size_t SHIM_QUEUE_MAX =
    4096;  // packets not yet taken by the shim; above it calls are OVERLOADED

// A packet that was received; readers stay valid as long as it lives.
class ShimPacket {
 public:
  explicit ShimPacket(kj::Array<capnp::word> words);
  schema::FromShim::Reader operator*() const { return root_; }

 private:
  kj::Array<capnp::word> words_;
  capnp::FlatArrayMessageReader message_;
  schema::FromShim::Reader root_;
};

class ShimClient {
 public:
  using Fill = kj::FunctionParam<void(schema::ToShim::Builder)>;
  using OnFact = kj::Function<void(schema::FromShim::Reader)>;
  using Answer = kj::Own<ShimPacket>;

  // Connects to `DIR/shim.sock`; throws DISCONNECTED when nobody listens there. Facts may come from
  // the first turn of the loop on.
  ShimClient(kj::UnixEventPort& port, const std::string& dir, OnFact onFact);
  ~ShimClient() noexcept(false);

  // Must be called first; rejected when the shim speaks another version of the protocol.
  kj::Promise<Answer> hello();

  // The answer may be `refused`. The descriptors are passed on as copies; they need to stay open
  // until the call returns.
  kj::Promise<Answer> call(Fill fill, kj::ArrayPtr<const int> descriptors = nullptr);

  // For requests that are answered in several packets.
  kj::Promise<kj::Vector<Answer>> callForMany(Fill fill);

  // Resolves when the connection has ended, with the reason.
  kj::Promise<kj::Exception> whenLost() { return lost_.addBranch(); }

  // Resolves when the shim's process has ended, which is a moment after its last answer. To be called
  // while the shim still serves.
  kj::Promise<void> whenProcessEnded();

 private:
  struct Waiter {
    kj::Vector<Answer> answers;
    kj::Own<kj::PromiseFulfiller<kj::Vector<Answer>>> fulfiller;
  };
  struct Outgoing {
    kj::Array<capnp::word> words;
    kj::Array<kj::AutoCloseFd> descriptors;
  };

  kj::Promise<kj::Vector<Answer>> request(Fill& fill, kj::ArrayPtr<const int> descriptors);
  void send(kj::ArrayPtr<const capnp::word> words, kj::ArrayPtr<const int> descriptors);
  bool trySend(kj::ArrayPtr<const capnp::word> words, kj::ArrayPtr<const int> descriptors);
  kj::Promise<void> flush();
  kj::Promise<void> receive();
  bool receiveOne();
  void dispatch(Answer packet);
  void lose(kj::Exception&& why);

  kj::UnixEventPort& port_;
  kj::AutoCloseFd socket_;
  kj::UnixEventPort::FdObserver observer_;
  OnFact onFact_;
  uint64_t lastId_ = 0;
  std::map<uint64_t, Waiter> waiting_;
  std::deque<Outgoing> outgoing_;
  kj::Maybe<kj::Exception> lostReason_;
  kj::Own<kj::PromiseFulfiller<kj::Exception>> lostFulfiller_;
  kj::ForkedPromise<kj::Exception> lost_;
  kj::Array<capnp::word> buffer_;
  kj::Promise<void> receiving_;
  kj::Promise<void> flushing_ = kj::READY_NOW;
};

// Starts the shim as a program of its own, apart from the platform's session, and returns when it
// accepts connections. Blocks: for a worker. Throws with the shim's own words when it cannot start.
void startShim(const std::string& binary, const std::string& dir);

}  // namespace meridian::container
