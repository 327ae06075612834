#include "tests/integration/store-crash/stage.h"

#include <utility>
#include <vector>

#include "tests/integration/store-crash/ledger-actor.h"

namespace meridian::crash {

namespace {

std::vector<actor::ActorKind> kinds() {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<LedgerActor>(); }));
  return kinds;
}

}  // namespace

std::string ledgerName(unsigned ledger) { return std::to_string(ledger); }

Stage::Parts::Parts(actor::ShardLoop& loop, env::Store& store, rpc::Vat& outside)
    : host(loop.shard(), 0, store, loop.clock(), Random(1), directory, kinds()),
      vat(host),
      fromOutside(outside, loop.clock(), [this, &outside]() { return outside.dial(vat, rpc::Stores::APART); }) {}

Stage::Stage(): loop_(system_), outside_(loop_.shard()) {}

void Stage::open(env::Store& store) { parts_ = kj::heap<Parts>(loop_, store, outside_); }

void Stage::close() {
  parts_ = nullptr;
  // What let go of a connection does so in events.
  settle();
}

Ledger::Client Stage::ledger(unsigned ledger) {
  return KJ_ASSERT_NONNULL(parts_)->fromOutside.actor("Ledger", ledgerName(ledger).c_str()).castAs<Ledger>();
}

}  // namespace meridian::crash
