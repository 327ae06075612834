// ShimLink: the connection to the shim, kept: it starts the shim when none runs, connects again
// when the connection ends, and has the owner take stock before anybody else is let through. Calls
// made meanwhile wait. Used on one loop.
#pragma once

#include <kj/function.h>

#include "runtime/container/shim-client.h"
#include "runtime/env/worker.h"

namespace meridian::container {

class ShimLink {
 public:
  static constexpr auto RECONNECT_AFTER = 100 * kj::MILLISECONDS;

  class Owner {
   public:
    virtual void onFact(schema::FromShim::Reader fact) = 0;

    // After each connect, before any waiting call: what lives, and what has ended that is not
    // acknowledged.
    virtual void takeStock(kj::ArrayPtr<const ShimClient::Answer> instances,
                           kj::ArrayPtr<const ShimClient::Answer> exits) = 0;

   protected:
    ~Owner() = default;
  };

  ShimLink(kj::UnixEventPort& port, env::Worker& worker, std::string binary, std::string dir,
           Owner& owner);

  // The first time; fails when the shim cannot be started or speaks another version. Later
  // connections are made by themselves.
  kj::Promise<void> connect();

  kj::Promise<ShimClient::Answer> call(kj::Function<void(schema::ToShim::Builder)> fill,
                                       kj::Array<kj::AutoCloseFd> descriptors = nullptr);

  // Resolves when the connection stands and stock was taken.
  kj::Promise<void> whenConnected() { return connected_.addBranch(); }

  // Ends the shim with all instances. The link is then not used any more.
  kj::Promise<void> shutdown();

 private:
  kj::Promise<void> open();
  kj::Promise<void> greet();
  kj::Promise<void> keep();
  kj::Promise<void> reconnect();

  kj::UnixEventPort& port_;
  env::Worker& worker_;
  std::string binary_, dir_;
  Owner& owner_;
  kj::Maybe<kj::Own<ShimClient>> client_;
  bool ending_ = false;
  kj::Own<kj::PromiseFulfiller<void>> connectedFulfiller_;
  kj::ForkedPromise<void> connected_;
  kj::Promise<void> keeping_ = kj::READY_NOW;
};

}  // namespace meridian::container
