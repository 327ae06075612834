// Life: one life of a server with two accounts, from what an earlier one left on its disk, and a client that has money moved. The shipped
// host, store, gate and connections run in it; it goes one event of the loop at a time, and the disk ends a commit when it is told to.
#pragma once

#include <kj/async.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/rpc/peer.h"
#include "runtime/rpc/role-directory.h"
#include "sim/explore/transfer/account-actor.h"
#include "sim/explore/transfer/log.h"
#include "sim/world/clock.h"
#include "sim/world/store.h"

namespace meridian::explore::transfer {

inline constexpr uint64_t TRANSFER = 1;
inline constexpr int64_t AMOUNT = 4;

// What outlives a server.
struct Left {
  std::map<std::string, std::string> rows;
  uint8_t lives = 0;                   // before
  bool wasTold = false;                // the client, that its money has arrived
};

enum class Step : char {
  RUN = 'r',                           // one event of the loop
  COMMIT = 'c',                        // the disk has written a batch
  WAIT = 'w',                          // time passes, nothing else being left to do
  // Events:
  CRASH = 'X',
  NO_SPACE = 'N',                      // the next batch does not fit on the disk
  FLUSH = 'F',                         // a commit begins before the loop is idle
  READ = 'R',                          // another client asks for the balance of who takes
};

inline bool isEvent(Step step) { return static_cast<char>(step) < 'a'; }

class Life {
 public:
  Life(actor::ActorSystem& system, const Left& left, const Log& log);
  ~Life() noexcept(false);
  KJ_DISALLOW_COPY(Life);

  // Free ones first, in a fair order.
  std::vector<Step> steps();

  // Any but CRASH. What it violates; empty: nothing.
  std::string take(Step step);

  // What a crash leaves now.
  Left leaves() const;

  std::string flawAtRest() const;

 private:
  // A port for a loop that nothing outside can rouse.
  class ClosedPort final: public kj::EventPort {
   public:
    bool wait() override { KJ_FAIL_ASSERT("nothing can happen that this world does not do"); }
    bool poll() override { return false; }
    void wake() const override {}
  };

  kj::Promise<void> moveMoney();
  kj::Promise<void> readBalance();
  bool isQuiet();
  std::string flaw() const;

  const Log& log_;
  ClosedPort port_;
  kj::EventLoop loop_;
  kj::WaitScope waitScope_;
  sim::SimTime time_;
  sim::SimClock clock_;
  sim::SimDisk disk_;
  uint8_t lives_;
  bool wasTold_;
  bool fullIsNext_ = false;
  std::optional<int64_t> balanceTold_;

  kj::Own<actor::Shard> clientShard_;
  kj::Own<rpc::Vat> client_;
  kj::Own<sim::SimStore> store_;
  kj::Own<actor::Shard> shard_;
  kj::Own<rpc::RoleDirectory> directory_;
  kj::Own<actor::Host> host_;
  kj::Own<rpc::Vat> vat_;
  kj::Own<rpc::Peer> fromClient_;
  kj::Maybe<kj::Promise<void>> moving_, reading_;
  bool isReading_ = false;
};

}  // namespace meridian::explore::transfer
