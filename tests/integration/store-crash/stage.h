// Stage: a host of ledgers on this thread, and a program outside of the store that calls them over a gated connection. The host
// can be put on one store after another; loop and actor system stay.
#pragma once

#include <kj/async-io.h>

#include <string>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/actor/shard-thread.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "tests/integration/store-crash/ledger.capnp.h"

namespace meridian::crash {

inline constexpr unsigned LEDGERS = 32;
std::string ledgerName(unsigned ledger);

class Stage {
 public:
  Stage();

  // Hosts the actors of this store, until close(), which comes before the store's end.
  void open(env::Store& store);
  void close();

  // Runs all that can run now.
  void settle() { loop_.io().waitScope.poll(); }

  // From outside. After the host was reset its calls are DISCONNECTED; take it anew.
  Ledger::Client ledger(unsigned ledger);

  // What the promise gives; DISCONNECTED when it takes longer than anything here can.
  template <typename T>
  T finish(kj::Promise<T>&& promise) {
    return promise.exclusiveJoin(loop_.clock().after(PATIENCE).then([]() -> kj::Promise<T> {
      return KJ_EXCEPTION(DISCONNECTED, "stuck: no answer for a minute");
    })).wait(loop_.io().waitScope);
  }

 private:
  static constexpr Duration PATIENCE = std::chrono::minutes(1);

  struct Parts {
    Parts(actor::ShardLoop& loop, env::Store& store, rpc::Vat& outside);

    rpc::RoleDirectory directory;
    actor::Host host;
    rpc::Vat vat;
    rpc::Peer fromOutside;
  };

  actor::ActorSystem system_;
  actor::ShardLoop loop_;
  rpc::Vat outside_;
  kj::Maybe<kj::Own<Parts>> parts_;
};

}  // namespace meridian::crash
