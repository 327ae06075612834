// OutputGate: the place where what leaves a store waits for durability ("decide, save, act"). One for each host: it knows which turn
// runs, what each message depends on, and how far the store is durable. Connections (runtime/rpc/gated-connection.h) ask
// it for the LSN of each message they are given, and hold the message until that LSN is durable.
//
// What does a message depend on? Inside a turn: on what the activation has observed when the turn ends, which is told then.
// For a reply: on what its activation had observed. In both cases the origin is known because the message is handed over in the
// very event that announced it. In any other case: on everything submitted so far.
//
// Thread: the shard's.
#pragma once

#include <kj/async.h>

#include <map>
#include <optional>
#include <vector>

#include "runtime/base/names.h"
#include "runtime/env/store.h"

namespace meridian::actor {

// A connection, as the gate sees it.
class GatedOutput {
 public:
  // The turn has ended: messages sent within it depend on `observed`.
  virtual void turnEnded(Lsn observed) = 0;
  // The turn that runs has written what the store does not take: messages sent within it must never leave.
  virtual void turnRefused(const kj::Exception& reason) = 0;
  virtual void durableMoved(Lsn durable) = 0;
  // A batch was aborted: what is still held must never leave.
  virtual void aborted(const kj::Exception& reason) = 0;

 protected:
  ~GatedOutput() = default;
};

class OutputGate {
 public:
  explicit OutputGate(env::Store& store);
  ~OutputGate() noexcept(false);

  // ---- for connections
  // What a message given to a connection now depends on; nothing: a turn runs, wait for turnEnded().
  std::optional<Lsn> dependency() const;
  bool isDurable(Lsn lsn) const { return lsn <= durable_; }
  void attach(GatedOutput& output);
  void detach(GatedOutput& output);

  // The message that is handled in this event was caused by what `lsn` stands for: 0 when it came from outside of the store,
  // where only durable things are known.
  void arriving(Lsn lsn);

  // ---- for references and activations
  // What a call made in this event, outside of a turn, brings along.
  Lsn arrived() const;
  // The reply that is handed over in this event depends on `lsn`.
  void replying(Lsn lsn);
  // What a promise's result that is delivered in this event brings along.
  Lsn delivered() const;

  // ---- for the node
  // A message that is begun in this scope says nothing that an actor has written, and depends on nothing.
  class Independent {
   public:
    explicit Independent(OutputGate& gate): gate_(gate) { gate_.independent_ = true; }
    ~Independent() { gate_.independent_ = false; }
    KJ_DISALLOW_COPY(Independent);

   private:
    OutputGate& gate_;
  };
  bool independent() const { return independent_; }

  // ---- for the host
  void turnBegins();
  void turnEnds(Lsn observed);
  void turnRefused(const kj::Exception& reason);
  bool inTurn() const { return inTurn_; }
  void durableIs(Lsn durable);
  void abort(const kj::Exception& reason);

 private:
  class EventScope;

  env::Store& store_;
  Lsn durable_;
  bool inTurn_ = false;
  bool independent_ = false;
  std::vector<GatedOutput*> outputs_;
  kj::Own<EventScope> arriving_;
  kj::Own<EventScope> replying_;
};

}  // namespace meridian::actor
